import { amount, ratioSpread, spread } from '../report/table.ts';
import { PLAIN, REFERENCE, VARIANTS, type Variant } from '../servers/variants.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import { type Bench, type Measurement, TURNOVER_SECONDS, withServer } from './measurement.ts';

const STARTS_A_ROUND = 3;

const SERVERS: Readonly<Record<string, Variant | undefined>> = {
  [REFERENCE]: VARIANTS[REFERENCE],
  plain: PLAIN,
  everything: VARIANTS['everything'],
  usual: VARIANTS['usual'],
};

interface Start {
  readonly ms: number;
  /** Processor time until then, on all threads. */
  readonly cpuMs: number;
}

/** From the start of the process to its first 200, in turns. */
export const startup: Measurement = {
  name: 'startup',
  what: 'from the start of the process to its first 200',
  quick: true,
  seconds: ({ settings }) =>
    (settings.rounds * STARTS_A_ROUND + 1) * Object.keys(SERVERS).length * (TURNOVER_SECONDS / 2),
  async run(bench) {
    bench.step('startup', this.seconds(bench));
    const times: Record<string, Start[]> = {};
    // What is kept between starts is there from the second on.
    for (const variant of Object.values(SERVERS)) await start(bench, variant);
    for (let round = 0; round < bench.settings.rounds * STARTS_A_ROUND; round++) {
      for (const [name, variant] of Object.entries(SERVERS)) (times[name] ??= []).push(await start(bench, variant));
    }
    const reference = times[REFERENCE] ?? [];
    const of = (name: string, pick: (start: Start) => number): Spread => spreadOf((times[name] ?? []).map(pick));
    const ratios = (name: string): Spread =>
      spreadOf((times[name] ?? []).map(({ ms }, round) => ms / (reference[round]?.ms ?? Number.NaN)));
    const rows = Object.entries(SERVERS).map(([name, variant]) => [
      name,
      variant?.what ?? '',
      spread(of(name, ({ ms }) => ms)),
      amount(of(name, ({ cpuMs }) => cpuMs).median),
      name === REFERENCE ? '1' : ratioSpread(ratios(name)),
    ]);
    return {
      tables: [
        {
          title: 'Start-up',
          head: ['server', 'what', 'ms to the first 200 (min–max)', 'CPU ms', '× bare Fastify (min–max)'],
          rows,
          notes: [`${reference.length} starts each, in turns, after one that is not counted; medians.`],
        },
      ],
      figures: { startup: ratios('plain'), 'startup-everything': ratios('everything') },
    };
  },
};

async function start(bench: Bench, variant: Variant | undefined): Promise<Start> {
  if (variant === undefined) throw new Error('no such server');
  return await withServer(bench, variant, async (server) => ({ ms: server.startedInMs, cpuMs: server.cpu() / 1_000 }));
}
