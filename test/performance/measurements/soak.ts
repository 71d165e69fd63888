import type { MeasuredLoad } from '../load/load.ts';
import { amount, count, ratio } from '../report/table.ts';
import type { Live, Server } from '../servers/server-process.ts';
import type { Variant } from '../servers/variants.ts';
import { median, slope } from '../statistics.ts';
import { type Measurement, TURNOVER_SECONDS, withServer } from './measurement.ts';
import { countSeries, sumOf } from './own-count.ts';

const STEP_SECONDS = 30;
/** What is taken at first for caches, compiled code and a grown heap is no leak. */
const SETTLING_SHARE = 0.15;
const RATE = 3_000;
/** Of a mean, in an hour: what grows by less is flat. */
const FLAT_SHARE = 0.1;

interface Sample {
  readonly minute: number;
  readonly cpuPerRequest: number;
  readonly memory: number;
  readonly heap: number;
  readonly series: number;
  readonly droppedLines: number;
}

/** Minutes at a steady pace, half of it on unknown paths, scraped twice a minute. */
export const soak: Measurement = {
  name: 'soak',
  what: '20 minutes at a steady pace (only with --soak)',
  quick: false,
  seconds: ({ settings }) => settings.soakMinutes * 60 + TURNOVER_SECONDS,
  async run(bench) {
    const { soakMinutes } = bench.settings;
    const soaked = async (server: Server) => {
      const samples: Sample[] = [];
      const startedAt = performance.now();
      const minutes = (): number => (performance.now() - startedAt) / 60_000;
      while (minutes() < soakMinutes) {
        bench.step(`soak, minute ${Math.floor(minutes())} of ${soakMinutes}`, STEP_SECONDS);
        const loads = await Promise.all(
          [['/', 200] as const, ['/item/', 404] as const].map(([path, status]) =>
            bench.load.paced(server, {
              path,
              status,
              connections: bench.settings.connections / 2,
              rate: RATE / 2,
              requests: (RATE / 2) * STEP_SECONDS,
              ...(status === 404 && { distinctPaths: 100_000 }),
            }),
          ),
        );
        const exposition = await (await fetch(`${server.url}/metrics`)).text();
        samples.push({
          minute: minutes(),
          cpuPerRequest: costOf(loads),
          memory: server.memory(),
          heap: (await server.ask<Live>('collectGarbage')).heapBytes / 1e6,
          series: countSeries(exposition),
          droppedLines: sumOf(exposition, 'log_lines_dropped_total'),
        });
      }
      return { samples };
    };
    const { samples } = await withServer(bench, bench.variants['everything'] as Variant, soaked, { probe: true });
    const settled = samples.filter(({ minute }) => minute > SETTLING_SHARE * soakMinutes);
    const row = (what: string, pick: (sample: Sample) => number): string[] => {
      const middle = median(settled.map(pick));
      const perHour = slope(settled.map((sample) => [sample.minute / 60, pick(sample)]));
      const verdict = perHour <= FLAT_SHARE * middle ? 'flat' : 'not flat';
      const [first, last] = [settled[0], settled.at(-1)].map((sample) => (sample ? amount(pick(sample)) : '–'));
      return [what, first ?? '–', amount(middle), last ?? '–', ratio(perHour), verdict];
    };
    return {
      tables: [
        {
          title: `${soakMinutes} minutes' soak`,
          head: ['figure', 'first', 'median', 'last', 'slope an hour', 'verdict'],
          rows: [
            row('CPU µs/request', ({ cpuPerRequest }) => cpuPerRequest),
            row('RSS MB', ({ memory }) => memory),
            row('live heap MB', ({ heap }) => heap),
            row('series', ({ series }) => series),
            row('log lines dropped', ({ droppedLines }) => droppedLines),
          ],
          notes: [
            `${count(RATE)} requests/s, half of them for 100 000 unknown paths; the first ${SETTLING_SHARE * soakMinutes} minutes ` +
              `do not count. Flat: less than ${FLAT_SHARE * 100} % of the median in an hour.`,
          ],
        },
      ],
      figures: {},
    };
  },
};

/** Both loads ran at the same time, and each has been charged the processor time of both. */
function costOf(loads: readonly MeasuredLoad[]): number {
  const time = Math.max(...loads.map(({ cpuPerRequest, requests }) => cpuPerRequest * requests));
  return time / loads.reduce((sum, { requests }) => sum + requests, 0);
}
