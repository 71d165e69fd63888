import { setTimeout as sleep } from 'node:timers/promises';
import { amount, ratio } from '../report/table.ts';
import { REFERENCE, type Variant } from '../servers/variants.ts';
import { spreadOf } from '../statistics.ts';
import { type Bench, type Measurement, TURNOVER_SECONDS, withServer } from './measurement.ts';

const SERVERS = [REFERENCE, 'everything', 'traced', 'usual'] as const;
const IDLE_SECONDS = 3;
const AFTER_SECONDS = 10;
const SAMPLE_INTERVAL_MS = 250;

interface Memory {
  readonly idle: number;
  readonly under: number;
  readonly after: number;
}

/** Resident memory: idle, the most under load, and after it. */
export const memory: Measurement = {
  name: 'memory',
  what: 'resident memory idle, under load and after it',
  quick: false,
  seconds: ({ settings }) => SERVERS.length * secondsOfOne(settings),
  async run(bench) {
    const seen: Record<string, Memory> = {};
    for (const name of SERVERS) {
      bench.step(`memory of ${name}`, secondsOfOne(bench.settings));
      seen[name] = await measure(bench, bench.variants[name] as Variant);
    }
    const reference = seen[REFERENCE]?.under ?? Number.NaN;
    const rows = Object.entries(seen).map(([name, { idle, under, after }]) => [
      name,
      amount(idle),
      amount(under),
      amount(after),
      ratio(under / reference),
    ]);
    const ours = seen['everything']?.under ?? Number.NaN;
    return {
      tables: [
        {
          title: 'Memory (RSS)',
          head: ['server', 'idle MB', 'under load MB', 'after MB', 'under load × bare Fastify'],
          rows,
          notes: [
            `Under load: the most of ${loadSeconds(bench.settings)} s as fast as it goes; after: ${AFTER_SECONDS} s later.`,
          ],
        },
      ],
      figures: { memory: spreadOf([ours / reference]) },
    };
  },
};

function loadSeconds({ warmUp, seconds }: Bench['settings']): number {
  return warmUp + 2 * seconds;
}

function secondsOfOne(settings: Bench['settings']): number {
  return IDLE_SECONDS + loadSeconds(settings) + AFTER_SECONDS + TURNOVER_SECONDS;
}

async function measure(bench: Bench, variant: Variant): Promise<Memory> {
  return await withServer(bench, variant, async (server) => {
    await sleep(IDLE_SECONDS * 1_000);
    const idle = server.memory();
    let under = 0;
    const sampling = setInterval(() => {
      under = Math.max(under, server.memory());
    }, SAMPLE_INTERVAL_MS);
    const { connections } = bench.settings;
    try {
      await bench.load.full(server, { path: '/', connections, seconds: loadSeconds(bench.settings) });
    } finally {
      clearInterval(sampling);
    }
    await sleep(AFTER_SECONDS * 1_000);
    return { idle, under, after: server.memory() };
  });
}
