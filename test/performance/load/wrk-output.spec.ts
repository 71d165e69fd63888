import { describe, expect, it } from '@jest/globals';
import { parseAutocannonOutput } from './autocannon-output.ts';
import { parseWrkOutput } from './wrk-output.ts';

const OUTPUT = `Running 8s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     2.51ms  812.33us   1.02s    91.24%
    Req/Sec    25.60k     1.20k   27.00k    75.00%
  Latency Distribution
     50%  980.00us
     75%    2.66ms
     90%    3.01ms
     99%    5.43ms
  204812 requests in 8.01s, 36.13MB read
`;
const RATE = `Requests/sec:  25569.54
Transfer/sec:      4.51MB
`;

describe("wrk's output", () => {
  it('of a load without failures gives counts and milliseconds, whatever its units', () => {
    expect(parseWrkOutput(OUTPUT + RATE)).toEqual({
      requests: 204_812,
      requestsPerSecond: 25_569.54,
      p50: 0.98,
      p99: 5.43,
      max: 1_020,
      refused: 0,
      errors: 0,
    });
  });

  it('with lost connections and bad statuses tells how many', () => {
    const failures = `  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 17
`;

    expect(parseWrkOutput(OUTPUT + failures + RATE)).toMatchObject({ refused: 17, errors: 10 });
  });

  it('that is none is shown with the error', () => {
    expect(() => parseWrkOutput('unable to connect')).toThrow('unable to connect');
  });
});

describe("autocannon's output", () => {
  it('gives the same figures', () => {
    const report = {
      requests: { total: 1_000 },
      duration: 2,
      latency: { p50: 1, p99: 4, max: 9 },
      '2xx': 997,
      '4xx': 2,
      '5xx': 1,
      errors: 5,
    };

    expect(parseAutocannonOutput(JSON.stringify(report))).toEqual({
      requests: 1_000,
      requestsPerSecond: 500,
      p50: 1,
      p99: 4,
      max: 9,
      refused: 3,
      errors: 5,
    });
  });
});
