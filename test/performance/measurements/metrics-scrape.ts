import type { MeasuredLoad } from '../load/load.ts';
import { amount, count, ratio, spread } from '../report/table.ts';
import type { Server } from '../servers/server-process.ts';
import type { Variant } from '../servers/variants.ts';
import { median, spreadOf } from '../statistics.ts';
import { type Bench, type Measurement, TURNOVER_SECONDS, withServer } from './measurement.ts';
import { countSeries } from './own-count.ts';

const SCRAPES = 40;
const SCRAPES_TO_WARM_UP = 100;
const PAIRS_A_ROUND = 2;
const SECONDS_EACH = 2;
const RATE = 1_000;
const SCRAPE_INTERVAL_MS = 100;

/** What Prometheus asks for, and the classic text. */
const FORMATS = {
  OpenMetrics: 'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2',
  'Prometheus text': 'text/plain;version=0.0.4',
} as const;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'PROPFIND'];
const PATHS = ['/', '/admin/flags', '/admin/flags/reset', '/admin/openapi.json', '/livez', '/readyz', '/nothing-here'];
const BODIES = ['{"tracing":false}', '{"tracing":"neither"}', '{'];

/** What a scrape takes of the event loop, and what requests notice of it. */
export const metricsScrape: Measurement = {
  name: 'metrics-scrape',
  what: 'what a scrape of all series takes, and how it delays requests',
  quick: true,
  seconds: ({ settings }) => settings.warmUp + pairsOf(settings) * 2 * SECONDS_EACH + 4 + TURNOVER_SECONDS,
  async run(bench) {
    bench.step('metrics-scrape', this.seconds(bench));
    const seen = await withServer(bench, bench.variants['everything'] as Variant, (server) => measure(bench, server), {
      probe: true,
    });
    const { scrapes, pairs } = seen;
    const rows = Object.entries(scrapes).map(([format, { series, bytes, activeMs }]) => [
      format,
      count(series),
      amount(bytes / 1_000),
      spread(spreadOf(activeMs)),
    ]);
    const delays = pairs.map(([without, during]) => during.max - without.max);
    const sides = (['without', `one each ${SCRAPE_INTERVAL_MS} ms`] as const).map((name, side) => {
      const results = pairs.map((pair) => pair[side] as MeasuredLoad);
      const of = (pick: (load: MeasuredLoad) => number): string => ratio(median(results.map(pick)));
      return [name, of(({ p50 }) => p50), of(({ p99 }) => p99), of(({ max }) => max)];
    });
    return {
      tables: [
        {
          title: 'A scrape of all series',
          head: ['format', 'series', 'kB', 'event loop ms (min–max)'],
          rows,
          notes: [`${SCRAPES} scrapes each, while nothing else is asked: time the event loop was at work meanwhile.`],
        },
        {
          title: 'Requests while the service is scraped',
          head: ['scrapes', 'p50 ms', 'p99 ms', 'max ms'],
          rows: sides,
          notes: [`${pairs.length} pairs of ${SECONDS_EACH} s at ${count(RATE)} requests/s, in turns; medians.`],
        },
      ],
      figures: { 'metrics-scrape': spreadOf(scrapes.OpenMetrics.activeMs), 'metrics-scrape-delay': spreadOf(delays) },
    };
  },
};

function pairsOf({ rounds }: Bench['settings']): number {
  return PAIRS_A_ROUND * rounds;
}

interface Scrapes {
  readonly series: number;
  readonly bytes: number;
  readonly activeMs: readonly number[];
}

async function measure(bench: Bench, server: Server) {
  const { warmUp, connections } = bench.settings;
  await bench.load.full(server, { path: '/', connections, seconds: warmUp });
  await fillAllSeries(server);
  for (let index = 0; index < SCRAPES_TO_WARM_UP; index++) await scrape(server, FORMATS.OpenMetrics);
  const scrapes = {
    OpenMetrics: await scrapesOf(server, FORMATS.OpenMetrics),
    'Prometheus text': await scrapesOf(server, FORMATS['Prometheus text']),
  };
  const paced = { path: '/', connections, rate: RATE, requests: RATE * SECONDS_EACH, status: 200 };
  const pairs: [MeasuredLoad, MeasuredLoad][] = [];
  for (let pair = 0; pair < pairsOf(bench.settings); pair++) {
    const without = await bench.load.paced(server, paced);
    const aside = { path: '/metrics', accept: FORMATS.OpenMetrics, everyMs: SCRAPE_INTERVAL_MS };
    pairs.push([without, await bench.load.paced(server, { ...paced, aside })]);
  }
  return { scrapes, pairs };
}

async function scrapesOf(server: Server, accept: string): Promise<Scrapes> {
  const activeMs: number[] = [];
  let text = '';
  for (let index = 0; index < SCRAPES; index++) {
    const before = await server.ask('look');
    text = await scrape(server, accept);
    const after = await server.ask('look');
    activeMs.push(after.activeMs - before.activeMs);
  }
  return { series: countSeries(text), bytes: Buffer.byteLength(text), activeMs };
}

/** Every method on every route, well and badly: as many label values as there can be. */
async function fillAllSeries(server: Server): Promise<void> {
  for (const path of PATHS) {
    for (const method of METHODS) {
      const send = async (init: RequestInit = {}): Promise<void> => {
        await (await fetch(server.url + path, { method, ...init })).arrayBuffer();
      };
      await send();
      if (method !== 'POST') continue;
      for (const body of BODIES) await send({ body, headers: { 'content-type': 'application/json' } });
    }
  }
  await (await fetch(`${server.url}/admin/flags/reset`, { method: 'POST' })).arrayBuffer();
}

async function scrape(server: Server, accept: string): Promise<string> {
  const response = await fetch(`${server.url}/metrics`, { headers: { accept } });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`a scrape was answered with ${response.status}: ${text}`);
  return text;
}
