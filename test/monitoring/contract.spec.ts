/** What rules and dashboards ask for, what docs/metrics.md promises, and what the service really emits: all the same. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { groupingLabelsOf, type Matcher, selectorsOf } from '../../scripts/monitoring/promql.ts';
import { startPostgres } from '../support/embedded-postgres.js';
import { eventually } from '../support/eventually.js';
import { type Family, parseExposition } from '../support/exposition.js';
import { booleanFlag } from '../support/flagd/flag-definitions.js';
import { FlagdServer } from '../support/flagd-server.js';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { answers, endProcesses } from '../support/process.js';
import { everyQuery, recordedSeries } from '../support/queries.js';
import { buildFaultyMain, startServiceProcess } from '../support/service-process.js';

const ROOT = join(import.meta.dirname, '../..');
/** Of every series that Prometheus scrapes. */
const TARGET_LABELS = ['namespace', 'job', 'instance'];
/** On a machine without a limit the service reports none. */
const WITH_MEMORY_LIMIT = 'data:text/javascript,process.constrainedMemory = () => 512 * 1024 * 1024';
/** libuv's requests come and go: a scrape may find none. */
const NOT_ALWAYS_THERE = new Set(['nodejs_active_requests']);

interface ExternalSeries {
  readonly from: string;
  readonly documentation: string;
  readonly series: Readonly<Record<string, readonly string[]>>;
}

interface DocumentedMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly meaning: string;
}

const externalSeries = parse(readFileSync(join(ROOT, 'monitoring/external-series.yaml'), 'utf8')) as ExternalSeries[];
const external = new Map(
  externalSeries.flatMap(({ series }) =>
    Object.entries(series).map(([name, labels]): [string, Set<string>] => [name, new Set(labels)]),
  ),
);
const recorded = recordedSeries();
const queries = everyQuery();
const documented = readDocumentation();

describe('the contract of metrics', () => {
  let families: Map<string, Family>;
  /** The values of each label of each series. */
  let emitted: Map<string, Map<string, Set<string>>>;

  beforeAll(async () => {
    families = await scrapeDrivenService();
    emitted = new Map();
    for (const { samples } of families.values()) {
      for (const { name, labels } of samples) {
        const known = emitted.get(name) ?? new Map<string, Set<string>>();
        for (const [label, value] of Object.entries(labels))
          known.set(label, (known.get(label) ?? new Set()).add(value));
        emitted.set(name, known);
      }
    }
  }, 120_000);

  afterAll(async () => {
    await endProcesses();
  });

  describe('docs/metrics.md', () => {
    it.each(documented.filter(({ name }) => !NOT_ALWAYS_THERE.has(name)))(
      '$name → is emitted, of this type and with these labels, in their order',
      ({ name, type, labels }) => {
        const family = families.get(name);

        expect(family?.type).toBe(type);
        expect(
          new Set(
            family?.samples.map((sample) =>
              Object.keys(sample.labels)
                .filter((label) => label !== 'le')
                .join(),
            ),
          ),
        ).toEqual(new Set([labels.join()]));
      },
    );

    it('lacks nothing that is emitted, and says what each means', () => {
      const names = documented.map(({ name }) => name);

      expect([...families.keys()].filter((name) => !names.includes(name))).toEqual([]);
      expect(new Set(names).size).toBe(names.length);
      for (const { meaning } of documented) expect(meaning).toMatch(/^[A-Z0-9].*\.$/);
    });

    it('names no value of a label that is never emitted', () => {
      const values = (name: string) =>
        new Set([...(emitted.get(name)?.values() ?? [])].flatMap((each) => Array.from(each)));

      for (const name of [
        'feature_flag_provider_state',
        'readiness_check',
        'db_pool_connections',
        'otel_spans_dropped_total',
      ])
        expect(new Set(wordsIn(documented.find((each) => each.name === name)!.meaning))).toEqual(values(name));
    });
  });

  describe('every query of rules and dashboards', () => {
    it.each(queries)('$where → asks for series and labels that exist', ({ expression }) => {
      expect(problemsOf(expression)).toEqual([]);
    });

    it.each([
      ['rate(http_request_total{job="x"}[5m])', ['http_request_total: no such series']],
      ['up{jobs="x"}', ['up: no label jobs']],
      ['sum by (route) (http_requests_total)', ['no label route to group by']],
      ['http_request_duration_seconds_bucket{le="0.2"}', ['http_request_duration_seconds_bucket: no le="0.2"']],
      ['db_pool_connections{state=~"wait"}', ['db_pool_connections: no state=~"wait"']],
      ['a_job:b:c', ['a_job:b:c: no such series']],
    ])('%s → would be found', (expression, problems) => {
      expect(problemsOf(expression)).toEqual(problems);
    });
  });

  function problemsOf(expression: string): string[] {
    const selectors = selectorsOf(expression);
    const problems = selectors.flatMap(({ metric, matchers }) => {
      const labels = labelsOf(metric);
      if (labels === undefined) return [`${metric}: no such series`];
      return matchers.flatMap((matcher) => {
        if (!labels.has(matcher.label)) return [`${metric}: no label ${matcher.label}`];
        const values = emitted.get(metric)?.get(matcher.label);
        const { label, operator, value } = matcher;
        return values === undefined || mayMatch(matcher, values) ? [] : [`${metric}: no ${label}${operator}"${value}"`];
      });
    });
    const known = new Set(selectors.flatMap(({ metric }) => Array.from(labelsOf(metric) ?? [])));
    const unknown = [...groupingLabelsOf(expression)].filter((label) => !known.has(label));
    return [...problems, ...unknown.map((label) => `no label ${label} to group by`)];
  }

  function labelsOf(metric: string): ReadonlySet<string> | undefined {
    const own = emitted.get(metric);
    const labels = own ? own.keys() : (recorded.get(metric) ?? external.get(metric));
    return labels && new Set([...labels, ...TARGET_LABELS]);
  }
});

describe('monitoring/external-series.yaml', () => {
  it.each(externalSeries)('$from → is documented, and each of its series is read', ({ documentation, series }) => {
    const read = new Set(queries.flatMap(({ expression }) => selectorsOf(expression).map(({ metric }) => metric)));

    expect(documentation).toMatch(/^https:\/\//);
    for (const name of Object.keys(series)) expect(read).toContain(name);
  });
});

/** Values that Grafana or a template puts in are not looked at, nor those that are excluded. */
function mayMatch({ operator, value }: Matcher, values: ReadonlySet<string>): boolean {
  if (value.includes('$') || operator.startsWith('!')) return true;
  if (operator === '=') return values.has(value);
  const pattern = new RegExp(`^(?:${value})$`);
  return [...values].some((each) => pattern.test(each));
}

/** The rows of the tables of metrics. */
function readDocumentation(): DocumentedMetric[] {
  const text = readFileSync(join(ROOT, 'docs/metrics.md'), 'utf8');
  return [...text.matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) ?\| (.*) \|$/gm)].map(
    ([, name = '', type = '', labels = '', meaning = '']) => ({ name, type, labels: wordsIn(labels), meaning }),
  );
}

function wordsIn(text: string): string[] {
  return [...text.matchAll(/`(\w+)`/g)].map(([, word = '']) => word);
}

/** Starts the built service with all it works with, makes requests of each kind, and ends it with one scrape. */
async function scrapeDrivenService(): Promise<Map<string, Family>> {
  const stops: (() => void | Promise<void>)[] = [];
  try {
    const postgres = await startPostgres();
    stops.push(() => postgres.remove());
    const receiver = await OtlpReceiver.start();
    stops.push(() => receiver.die());
    const flagd = await FlagdServer.start({ metrics_enabled: booleanFlag('on'), tracing_enabled: booleanFlag('on') });
    stops.push(() => flagd.stop());
    // The service as it is, with routes that fail: without 5xx nobody could tell that they are counted.
    const main = await buildFaultyMain();
    stops.push(() => main.remove());
    const service = startServiceProcess(
      {
        DATABASE_URL: postgres.url,
        DATABASE_MIGRATE_ON_START: 'true',
        ADMIN_FLAGS_ENABLED: 'true',
        FLAGD_RESOLVER: 'in-process',
        FLAGD_HOST: '127.0.0.1',
        FLAGD_SYNC_PORT: String(flagd.syncPort),
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      },
      ['--import', WITH_MEMORY_LIMIT, main.entry],
    );
    stops.push(async () => {
      service.kill();
      await service.exit;
    });
    const url = await service.url();
    await answers(`${url}/readyz`);
    const scrape = async () => parseExposition(await (await fetch(`${url}/metrics`)).text(), 'classic');

    for (const path of ['/', '/faulty/error', '/nothing-here', '/admin/flags'])
      await (await fetch(url + path)).arrayBuffer();
    await eventually('all requests are counted, and garbage is collected', async () => {
      const scraped = await scrape();
      return scraped.get('http_requests_total')?.samples.length === 4 && scraped.has('nodejs_gc_duration_seconds');
    });
    return await scrape();
  } finally {
    for (const stop of stops.toReversed()) await stop();
  }
}
