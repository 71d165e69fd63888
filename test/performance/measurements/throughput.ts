import type { MeasuredLoad } from '../load/load.ts';
import { amount, count, type Row, ratio, ratioSpread, spread, type Table } from '../report/table.ts';
import type { Server } from '../servers/server-process.ts';
import { REFERENCE, type Variant } from '../servers/variants.ts';
import { type Spread, spreadOf } from '../statistics.ts';
import { type Bench, type Measurement, type Outcome, TURNOVER_SECONDS, withServer } from './measurement.ts';
import { type OwnCount, ownCount } from './own-count.ts';

/** One fresh process under load. */
interface Sample extends MeasuredLoad {
  /** To the reference of the same round; 1 for itself. */
  readonly ratio: number;
  /** The same by the processor time of a request, which others on the machine disturb less. */
  readonly ratioByCpu: number;
  /** Requests answered since the start of the process, by the client's count. */
  readonly seen: number;
  readonly own: OwnCount | undefined;
  readonly spans: number | undefined;
}

type Measured = Omit<Sample, 'ratio' | 'ratioByCpu'>;
type Samples = Readonly<Record<string, readonly Sample[]>>;

const PODINFO = 'podinfo';
/** Under full load a server has its core to itself, but for what the kernel needs. */
const LEAST_BUSY = 0.9;

/** `GET /` as fast as it goes, each server in turn. */
export const throughput: Measurement = {
  name: 'throughput',
  what: 'requests a second, and what one costs',
  quick: true,
  seconds: ({ settings, chosen }) =>
    settings.rounds * order(chosen, settings.paired).length * (settings.warmUp + settings.seconds + TURNOVER_SECONDS),
  async run(bench) {
    const { samples, failed } = await inTurns(bench);
    return { tables: [tableOf(bench, samples)], figures: figuresOf(samples), failed: [...failed.values()] };
  },
};

/** The order within a round. */
export function order(names: readonly string[], paired: boolean): string[] {
  return names.flatMap((name, index) => (paired || index === 0 ? [REFERENCE, name] : [name]));
}

interface Turns {
  readonly samples: Samples;
  /** Why servers are left out, by name: one that fails once is no longer asked. */
  readonly failed: ReadonlyMap<string, string>;
}

async function inTurns(bench: Bench): Promise<Turns> {
  const { rounds, warmUp, seconds, paired } = bench.settings;
  const samples: Record<string, Sample[]> = {};
  const failed = new Map<string, string>();
  for (let round = 1; round <= rounds; round++) {
    let reference: Measured | undefined;
    for (const name of order(bench.chosen, paired).filter((each) => !failed.has(each))) {
      bench.step(`${name}, round ${round} of ${rounds}`, warmUp + seconds + TURNOVER_SECONDS);
      try {
        const measured = await measure(bench, name);
        if (name === REFERENCE || reference === undefined) reference = measured;
        (samples[name] ??= []).push({
          ...measured,
          ratio: measured.requestsPerSecond / reference.requestsPerSecond,
          ratioByCpu: reference.cpuPerRequest / measured.cpuPerRequest,
        });
      } catch (error) {
        if (name === REFERENCE) throw error;
        failed.set(name, `${name} failed: ${error instanceof Error ? error.message : String(error)}`);
        delete samples[name];
      }
    }
  }
  return { samples, failed };
}

async function measure(bench: Bench, name: string): Promise<Measured> {
  const variant = bench.variants[name] as Variant;
  const { connections, warmUp, seconds } = bench.settings;
  const measured = await withServer(bench, variant, async (server) => {
    const load = { path: pathOf(bench, variant), connections };
    const before = await bench.load.full(server, { ...load, seconds: warmUp });
    const result = await bench.load.full(server, { ...load, seconds });
    return { ...result, seen: before.requests + result.requests, own: await countOf(variant, server) };
  });
  if (variant.spans === 'all') confirm(name, measured.seen, connections, measured.own, measured.spans);
  return measured;
}

async function countOf(variant: Variant, server: Server): Promise<OwnCount | undefined> {
  return variant.spans === 'all' ? await ownCount(server) : undefined;
}

/** A span for each request, and none lost: else there is nothing to be proud of, and the measurement fails. */
function confirm(name: string, seen: number, connections: number, own: OwnCount | undefined, spans = 0): void {
  const counted = own?.requests ?? 0;
  if (spans !== counted) throw new Error(`${name}: ${spans} spans arrived, of ${counted} requests`);
  // The load ends twice, each time with an unread answer on each connection at most; one more request saw it start.
  const most = seen + 2 * connections + 1;
  if (counted < seen || counted > most) throw new Error(`${name} counts ${counted} requests, the client ${seen}`);
}

function pathOf(bench: Bench, variant: Variant): string {
  return variant.spec({ databaseUrl: bench.databaseUrl, logs: bench.logs }).path;
}

function tableOf({ variants, settings, load }: Bench, samples: Samples): Table {
  const rows = Object.entries(samples).map(([name, all]): Row => {
    const of = (pick: (sample: Sample) => number): Spread => spreadOf(all.map(pick));
    return [
      name,
      variants[name]?.what ?? '',
      spread(of((sample) => sample.requestsPerSecond)),
      name === REFERENCE ? '1' : ratioSpread(of((sample) => sample.ratio)),
      amount(of((sample) => sample.cpuPerRequest).median),
      name === REFERENCE ? '1' : ratio(of((sample) => sample.ratioByCpu).median),
      `${Math.round(of((sample) => sample.busy).median * 100)} %`,
      ratio(of((sample) => sample.p99).median),
      spansIn(all),
    ];
  });
  return {
    title: 'Throughput',
    head: [
      'server',
      'what',
      'requests/s (min–max)',
      '× bare Fastify (min–max)',
      'CPU µs/request',
      '× by CPU',
      'core',
      'p99 ms',
      'spans',
    ],
    rows,
    notes: [
      `GET /, ${settings.connections} connections, ${settings.rounds} rounds of ${settings.seconds} s after ` +
        `${settings.warmUp} s of warm-up, by ${load.tool}; medians, each ratio to the reference ` +
        `${settings.paired ? 'measured right before' : 'of the same round'}.`,
      ...doubts(samples),
    ],
  };
}

/** Whether the machine was quiet enough. */
function doubts(samples: Samples): string[] {
  const busy = Object.values(samples).flatMap((all) => all.map((sample) => sample.busy));
  const disturbed = busy.filter((share) => share < LEAST_BUSY).length;
  if (disturbed === 0) return [];
  return [
    `In ${disturbed} of ${busy.length} turns the server had less than ${LEAST_BUSY * 100} % of its core: something else ` +
      'ran there, or the load was no match for it. Measure again on a quieter machine; until then, compare by CPU.',
  ];
}

function spansIn(samples: readonly Sample[]): string {
  const arrived = samples.reduce((sum, { spans = 0 }) => sum + spans, 0);
  if (arrived === 0) return '–';
  const expected = samples.reduce((sum, { own, seen }) => sum + (own?.requests ?? seen), 0);
  return `${count(arrived)} of ${count(expected)}`;
}

function figuresOf(samples: Samples): Outcome['figures'] {
  const figures: Record<string, Spread> = {};
  for (const [name, all] of Object.entries(samples)) {
    if (name !== REFERENCE) figures[name] = spreadOf(all.map((sample) => sample.ratio));
  }
  const [ours, podinfo] = [samples['everything'], samples[PODINFO]];
  if (ours && podinfo) {
    const pairs = ours.flatMap((sample, index) => {
      const theirs = podinfo[index];
      return theirs === undefined ? [] : [sample.requestsPerSecond / theirs.requestsPerSecond];
    });
    figures[`everything/${PODINFO}`] = spreadOf(pairs);
  }
  return figures;
}
