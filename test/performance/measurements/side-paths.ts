import { setTimeout as sleep } from 'node:timers/promises';
import type { MeasuredLoad } from '../load/load.ts';
import { amount, ratio, ratioSpread, spread } from '../report/table.ts';
import { REFERENCE, type Variant } from '../servers/variants.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import { type Bench, type Measurement, TURNOVER_SECONDS, withServer } from './measurement.ts';

const MOST_POLLS = 100;
const POLL_MS = 100;

interface Sample extends MeasuredLoad {
  readonly ratio: number;
}

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
  const sides = [
    [REFERENCE, referencePath, referenceStatus],
    ['everything', path, status],
  ] as const;
  return {
    name,
    what,
    quick: false,
    seconds: ({ settings }) => settings.rounds * sides.length * (settings.warmUp + settings.seconds + TURNOVER_SECONDS),
    async run(bench) {
      const samples: Record<string, Sample[]> = {};
      const { rounds, warmUp, seconds } = bench.settings;
      for (let round = 1; round <= rounds; round++) {
        let reference: number | undefined;
        for (const [server, ...asked] of sides) {
          bench.step(`${name} of ${server}, round ${round} of ${rounds}`, warmUp + seconds + TURNOVER_SECONDS);
          const measured = await measure(bench, bench.variants[server] as Variant, ...asked);
          reference ??= measured.requestsPerSecond;
          (samples[server] ??= []).push({ ...measured, ratio: measured.requestsPerSecond / reference });
        }
      }
      const rows = sides.map(([server, asked]) => {
        const of = (pick: (sample: Sample) => number): Spread => spreadOf((samples[server] ?? []).map(pick));
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
      return { tables: [{ title, head, rows, notes: [`Medians of ${rounds} rounds.`] }], figures: { [name]: figure } };
    },
  };
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
