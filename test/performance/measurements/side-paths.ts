import { setTimeout as sleep } from 'node:timers/promises';
import type { MeasuredLoad } from '../load/load.ts';
import { amount, ratio, ratioSpread, spread } from '../report/table.ts';
import { REFERENCE, type Variant } from '../servers/variants.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import { type Bench, inRounds, type Measurement, TURNOVER_SECONDS, withServer } from './measurement.ts';

const MOST_POLLS = 100;
const POLL_MS = 100;

interface SidePath {
  readonly name: string;
  readonly what: string;
  readonly title: string;
  readonly path: string;
  readonly status: number;
  /** What the reference is asked for. */
  readonly referencePath: string;
  readonly referenceStatus: number;
}

/** 404s: what a service does for those who scan it. */
export const notFound = sidePath({
  name: 'not-found',
  what: 'what an unknown path costs',
  title: 'Unknown paths (404)',
  path: '/nothing-here',
  status: 404,
  referencePath: '/nothing-here',
  referenceStatus: 404,
});

/** Probes by the thousand, with a database behind them. */
export const readyz = sidePath({
  name: 'readyz',
  what: 'readiness under a storm of probes',
  title: 'A storm of probes (/readyz)',
  path: '/readyz',
  status: 200,
  referencePath: '/',
  referenceStatus: 200,
});

function sidePath({ name, what, title, path, status, referencePath, referenceStatus }: SidePath): Measurement {
  const sides: Readonly<Record<string, readonly [path: string, status: number]>> = {
    [REFERENCE]: [referencePath, referenceStatus],
    everything: [path, status],
  };
  const servers = Object.keys(sides);
  return {
    name,
    what,
    quick: false,
    seconds: ({ settings }) => settings.rounds * servers.length * secondsOfOne(settings),
    async run(bench) {
      const samples = await inRounds(bench, {
        what: name,
        servers,
        seconds: secondsOfOne(bench.settings),
        measure: (server) => measure(bench, bench.variants[server] as Variant, ...(sides[server] ?? [path, status])),
        figure: ({ requestsPerSecond }) => requestsPerSecond,
      });
      const rows = Object.entries(sides).map(([server, [asked]]) => {
        const of = (pick: (sample: MeasuredLoad & { readonly ratio: number }) => number): Spread =>
          spreadOf((samples[server] ?? []).map(pick));
        return [
          server,
          `GET ${asked}`,
          spread(of(({ requestsPerSecond }) => requestsPerSecond)),
          server === REFERENCE ? '1' : ratioSpread(of((sample) => sample.ratio)),
          amount(of(({ cpuPerRequest }) => cpuPerRequest).median),
          ratio(of(({ p99 }) => p99).median),
        ];
      });
      const head = [
        'server',
        'asked for',
        'requests/s (min–max)',
        '× bare Fastify (min–max)',
        'CPU µs/request',
        'p99 ms',
      ];
      const figure = spreadOf((samples['everything'] ?? []).map((sample) => sample.ratio));
      return {
        tables: [{ title, head, rows, notes: [`Medians of ${bench.settings.rounds} rounds.`] }],
        figures: { [name]: figure },
      };
    },
  };
}

function secondsOfOne({ warmUp, seconds }: Bench['settings']): number {
  return warmUp + seconds + TURNOVER_SECONDS;
}

async function measure(bench: Bench, variant: Variant, path: string, status: number): Promise<MeasuredLoad> {
  const { connections, warmUp, seconds } = bench.settings;
  return await withServer(bench, variant, async (server) => {
    await untilAnswered(server.url + path, status);
    await bench.load.full(server, { path, status, connections, seconds: warmUp });
    return await bench.load.full(server, { path, status, connections, seconds });
  });
}

/** Ready, and not only listening: the database has to answer first. */
async function untilAnswered(url: string, status: number): Promise<void> {
  for (let poll = 0; poll < MOST_POLLS; poll++) {
    const response = await fetch(url);
    await response.arrayBuffer();
    if (response.status === status) return;
    await sleep(POLL_MS);
  }
  throw new Error(`${url} does not answer ${status}`);
}
