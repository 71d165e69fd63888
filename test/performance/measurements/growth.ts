import { setTimeout as sleep } from 'node:timers/promises';
import type { MeasuredLoad } from '../load/load.ts';
import { amount, count, type Row, ratio, type Table } from '../report/table.ts';
import type { Server } from '../servers/server-process.ts';
import { REFERENCE, type Variant } from '../servers/variants.ts';
import { median, slope } from '../statistics.ts';
import { type Measurement, TURNOVER_SECONDS, withServer } from './measurement.ts';

const PATHS = [10, 100, 1_000, 10_000, 100_000];
/** As many for each step, so that only the number of different ones differs. */
const REQUESTS_EACH = 100_000;
const CONNECTIONS = [50, 500, 5_000];
const SETTLE_MS = 1_000;
const GUESSED_RATE = 8_000;
/** Cost per request that grows by less with ten times as much is flat: noise is about as large. */
const FLAT_SHARE = 0.1;

interface Step {
  readonly size: number;
  readonly cpuPerRequest: number;
  readonly requestsPerSecond: number;
  readonly memory: number;
}

/** More and more different paths: nothing may be kept for each. */
export const paths: Measurement = {
  name: 'paths',
  what: 'growth from 10 to 100 000 different paths',
  quick: false,
  seconds: ({ settings }) => settings.warmUp + (PATHS.length * REQUESTS_EACH) / GUESSED_RATE + TURNOVER_SECONDS,
  async run(bench) {
    bench.step('paths', this.seconds(bench));
    const { warmUp, connections } = bench.settings;
    const { steps } = await withServer(bench, bench.variants['everything'] as Variant, async (server) => {
      await bench.load.full(server, { path: '/item/0', status: 404, connections, seconds: warmUp });
      return {
        steps: await stepped(PATHS, server, (distinctPaths) =>
          bench.load.paced(server, {
            path: '/item/',
            distinctPaths,
            connections,
            requests: REQUESTS_EACH,
            status: 404,
          }),
        ),
      };
    });
    return { tables: [table('Different paths', 'paths', [['everything', steps]])], figures: {} };
  },
};

/** More and more connections: each may cost its memory, and none the others' time. */
export const connections: Measurement = {
  name: 'connections',
  what: 'growth from 50 to 5 000 connections',
  quick: false,
  seconds: ({ settings }) => 2 * (settings.warmUp + CONNECTIONS.length * (settings.seconds + 1) + TURNOVER_SECONDS),
  async run(bench) {
    const seen: [string, readonly Step[]][] = [];
    for (const name of [REFERENCE, 'everything']) {
      bench.step(`connections to ${name}`, this.seconds(bench) / 2);
      const { warmUp, seconds } = bench.settings;
      const { steps } = await withServer(bench, bench.variants[name] as Variant, async (server) => {
        await bench.load.full(server, { path: '/', connections: CONNECTIONS[0] ?? 1, seconds: warmUp });
        return {
          steps: await stepped(CONNECTIONS, server, (size) =>
            bench.load.full(server, { path: '/', connections: size, seconds }),
          ),
        };
      });
      seen.push([name, steps]);
    }
    return { tables: [table('Connections', 'connections', seen)], figures: {} };
  },
};

async function stepped(
  sizes: readonly number[],
  server: Server,
  load: (size: number) => Promise<MeasuredLoad>,
): Promise<Step[]> {
  const steps: Step[] = [];
  for (const size of sizes) {
    const { cpuPerRequest, requestsPerSecond } = await load(size);
    await sleep(SETTLE_MS);
    steps.push({ size, cpuPerRequest, requestsPerSecond, memory: server.memory() });
  }
  return steps;
}

function table(title: string, unit: string, servers: readonly (readonly [string, readonly Step[]])[]): Table {
  const rows = servers.flatMap(([server, steps]) =>
    steps.map(
      ({ size, requestsPerSecond, cpuPerRequest, memory }): Row => [
        server,
        count(size),
        amount(requestsPerSecond),
        amount(cpuPerRequest),
        amount(memory),
      ],
    ),
  );
  const notes = servers.map(([server, steps]) => `${server}: ${inWords(steps, unit)}.`);
  return { title, head: ['server', unit, 'requests/s', 'CPU µs/request', 'RSS MB'], rows, notes };
}

/** The slopes over ten times as much. */
export function inWords(steps: readonly Step[], unit: string): string {
  const by = (pick: (step: Step) => number): number => slope(steps.map((step) => [Math.log10(step.size), pick(step)]));
  const cost = by(({ cpuPerRequest }) => cpuPerRequest);
  const share = cost / median(steps.map(({ cpuPerRequest }) => cpuPerRequest));
  const verdict = share <= FLAT_SHARE ? 'flat' : 'not flat';
  const memory = by((step) => step.memory);
  return (
    `with ten times as many ${unit} a request costs ${ratio(cost)} µs more (${(share * 100).toFixed(1)} %, ${verdict}), ` +
    `and the process takes ${ratio(memory)} MB more`
  );
}
