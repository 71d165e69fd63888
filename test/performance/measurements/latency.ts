import { amount, ratio, ratioSpread, spread } from '../report/table.ts';
import { REFERENCE, type Variant } from '../servers/variants.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import { type Bench, inRounds, type Measurement, TURNOVER_SECONDS, withServer } from './measurement.ts';

/** Of what a server can do at most. */
const SHARE = 0.7;
const LEAST_KEPT = 0.99;
const SERVERS = [REFERENCE, 'everything', 'traced'] as const;

interface Sample {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Share of the rate that came about. */
  readonly kept: number;
}

/** Latency where a service should be run: each server at the same share of its own maximum, by an open loop. */
export const latency: Measurement = {
  name: 'latency',
  what: 'p99 at 70 % of own maximum',
  quick: false,
  seconds: ({ settings }) => settings.rounds * SERVERS.length * secondsOfOne(settings),
  async run(bench) {
    const { rounds } = bench.settings;
    const samples = await inRounds(bench, {
      what: 'latency',
      servers: SERVERS,
      seconds: secondsOfOne(bench.settings),
      measure: (name) => measure(bench, bench.variants[name] as Variant),
      figure: ({ p99 }) => p99,
    });
    const of = (name: string, pick: (sample: Sample & { readonly ratio: number }) => number): Spread =>
      spreadOf((samples[name] ?? []).map(pick));
    const rows = SERVERS.map((name) => [
      name,
      amount(of(name, ({ rate }) => rate).median),
      ratio(of(name, ({ p50 }) => p50).median),
      spread(of(name, ({ p99 }) => p99)),
      amount(of(name, ({ max }) => max).median),
      name === REFERENCE ? '1' : ratioSpread(of(name, (sample) => sample.ratio)),
    ]);
    return {
      tables: [
        {
          title: 'Latency at 70 % of own maximum',
          head: ['server', 'requests/s', 'p50 ms', 'p99 ms (min–max)', 'max ms', 'p99 × bare Fastify (min–max)'],
          rows,
          notes: [
            `Requests are due at even intervals and counted from then (open loop); medians of ${rounds} rounds of ` +
              `${bench.settings.seconds} s. The maximum is what the same process did right before.`,
            ...doubts(Object.values(samples).flat()),
          ],
        },
      ],
      figures: { latency: of('everything', (sample) => sample.ratio) },
    };
  },
};

/** Where the pace was not kept, its backlog is what was measured. */
function doubts(samples: readonly Sample[]): string[] {
  const late = samples.filter(({ kept }) => kept < LEAST_KEPT).length;
  return late === 0
    ? []
    : [`In ${late} of ${samples.length} turns the pace could not be kept. Measure again on a quieter machine.`];
}

function secondsOfOne({ warmUp, seconds }: Bench['settings']): number {
  return warmUp + seconds / 2 + seconds + TURNOVER_SECONDS;
}

async function measure(bench: Bench, variant: Variant): Promise<Sample> {
  const { connections, warmUp, seconds } = bench.settings;
  return await withServer(bench, variant, async (server) => {
    await bench.load.full(server, { path: '/', connections, seconds: warmUp });
    const most = await bench.load.full(server, { path: '/', connections, seconds: Math.ceil(seconds / 2) });
    const rate = Math.round(most.requestsPerSecond * SHARE);
    const paced = await bench.load.paced(server, {
      path: '/',
      connections,
      rate,
      requests: rate * seconds,
      status: 200,
    });
    return { rate, p50: paced.p50, p99: paced.p99, max: paced.max, kept: paced.requestsPerSecond / rate };
  });
}
