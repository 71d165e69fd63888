import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import { type AccessFields, AccessLine } from './access-line.js';

const service = {
  name: 'orders',
  version: '1.2.3',
  revision: 'abc',
  instance: 'orders-1',
  environment: 'prod',
} as const;

const fields: AccessFields = {
  request_id: '9f0c6c0e-5c3f-4a55-8f5e-1d6c7c1f6c11',
  trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  span_id: '00f067aa0ba902b7',
  method: 'GET',
  route: '/orders/:id',
  status: 200,
  duration_ms: 1.234,
  remote_address: '192.0.2.1',
  user_agent: 'curl/8.14.1',
};

/** The same by pino itself. */
function byPino(line: AccessFields): string {
  const lines: string[] = [];
  const { name, version, environment } = service;
  const options = {
    base: { service: name, version, environment },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
  };
  pino(options, { write: (text) => lines.push(text) }).info(line, 'request');
  return lines.join('');
}

describe('access line', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: Date.UTC(2026, 10, 24, 9, 8, 7, 6) });
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  it.each<[string, Partial<AccessFields>]>([
    ['all fields', {}],
    ['neither trace nor client', { trace_id: undefined, span_id: undefined, user_agent: undefined }],
    ['no address', { remote_address: undefined }],
    ['quotes and a backslash', { user_agent: String.raw`a "browser" \ 1` }],
    ['control characters', { user_agent: 'a\tb\u0000c\u007fd\u0085e' }],
    ['what Latin-1 and others have', { user_agent: 'Käse \u2028 \u{1f9c0}' }],
    ['a pair that was cut in half', { user_agent: 'x\ud83e' }],
    ['whole milliseconds', { duration_ms: 0 }],
  ])('of %s is what pino writes', (_what, some) => {
    const line = { ...fields, ...some };

    expect(new AccessLine(service).write(line)).toBe(byPino(line));
  });

  it('has the time of each moment, when the clock is put back as well', () => {
    const line = new AccessLine(service);
    const times = [0, 1, 993, 994, 60_000, -86_400_000].map((ms) => {
      jest.setSystemTime(Date.UTC(2026, 10, 24, 9, 8, 7, 6) + ms);
      return JSON.parse(line.write(fields)) as { time: string };
    });

    expect(times.map(({ time }) => time)).toEqual([
      '2026-11-24T09:08:07.006Z',
      '2026-11-24T09:08:07.007Z',
      '2026-11-24T09:08:07.999Z',
      '2026-11-24T09:08:08.000Z',
      '2026-11-24T09:09:07.006Z',
      '2026-11-23T09:08:07.006Z',
    ]);
  });
});
