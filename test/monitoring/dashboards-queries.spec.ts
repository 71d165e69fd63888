import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { VariableType } from '@grafana/grafana-foundation-sdk/dashboard';
import type { Dataquery } from '@grafana/grafana-foundation-sdk/prometheus';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { selectorsOf } from '../../scripts/monitoring/promql.ts';
import { readRules } from '../../scripts/monitoring/rules-file.ts';
import {
  type Choices,
  type DashboardFile,
  type DataPanel,
  interpolate,
  readDashboards,
} from '../support/dashboards.js';
import { eventually } from '../support/eventually.js';
import { endProcesses } from '../support/process.js';
import { type Range, type Series, whyNoPrometheus } from '../support/prometheus.js';
import {
  SCRAPE_INTERVAL_SECONDS,
  type ScrapedService,
  startScrapedService,
  TARGET,
} from '../support/scraped-service.js';
import { describeUnless } from '../support/unless.js';

const START_TIMEOUT_MS = 120_000;

/** Metrics of others than the service: their panels are empty here. That they exist is what the rules' tests show. */
const OF_OTHERS: Readonly<Record<string, RegExp>> = {
  'kube-state-metrics, which only a cluster has': /^kube_/,
  'cert-manager, which only a cluster has': /^certmanager_/,
};

const dashboards = readDashboards();
const queries = dashboards.flatMap((file) =>
  file.panels.flatMap((panel) =>
    panel.targets.map((target) => [file.name, panel.title, target.refId ?? '', { file, panel, target }] as const),
  ),
);
const annotations = dashboards.flatMap((file) =>
  file.annotations.map((annotation) => [file.name, annotation.name, { file, annotation }] as const),
);
const withExemplars = queries.filter(([, , , { target }]) => target.exemplar === true);

function metricsIn(expression: string): string[] {
  return selectorsOf(expression).map(({ metric }) => metric);
}

/** Whether a query asks only for what others emit. */
function asksOthers(expression: string): boolean {
  return metricsIn(expression).every((metric) => Object.values(OF_OTHERS).some((pattern) => pattern.test(metric)));
}

/** The labels that a text of Grafana's names in double braces. */
function labelsIn(...texts: (string | undefined)[]): string[] {
  return texts.flatMap((text) => [...(text ?? '').matchAll(/\{\{\s*(\w+)\s*\}\}/g)].map(([, label]) => label ?? ''));
}

function hasSamples(answer: readonly Series[]): boolean {
  return answer.some(({ samples }) => samples.some(({ value }) => !Number.isNaN(value)));
}

describeUnless(whyNoPrometheus())('a dashboard whose Prometheus scrapes the service', () => {
  let service: ScrapedService;
  const choices = new Map<string, Choices>();

  beforeAll(async () => {
    service = await startScrapedService();
    for (const file of dashboards) choices.set(file.name, await choose(file));
  }, START_TIMEOUT_MS);

  afterAll(async () => {
    await service?.stop();
    await endProcesses();
  });

  /** All that there is to choose. A later variable depends on the earlier ones. */
  async function choose({ variables }: DashboardFile): Promise<Choices> {
    const chosen: Record<string, string | string[]> = {};
    for (const { type, name, query, multi } of variables) {
      if (type !== VariableType.Query) continue;
      const text = interpolate((query as { query: string }).query, chosen);
      const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(text) ?? [];
      const values = (await service.prometheus.get(`label/${label}/values`, { 'match[]': selector })) as string[];
      chosen[name] = multi ? values : (values[0] ?? '');
    }
    return chosen;
  }

  /** From the first scrape until now, in steps of a scrape. */
  function shown(): Range {
    return { start: service.startedAt, end: Math.ceil(Date.now() / 1_000), stepSeconds: SCRAPE_INTERVAL_SECONDS };
  }

  function expressionOf({ name }: DashboardFile, text: string): string {
    const { start, end, stepSeconds } = shown();
    return interpolate(text, {
      ...choices.get(name),
      __range: `${end - start}s`,
      __interval: `${stepSeconds}s`,
      // https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/#use-__rate_interval
      __rate_interval: `${Math.max(stepSeconds + SCRAPE_INTERVAL_SECONDS, 4 * SCRAPE_INTERVAL_SECONDS)}s`,
    });
  }

  async function ask(file: DashboardFile, expression: string, instant = false): Promise<Series[]> {
    const text = expressionOf(file, expression);
    return instant ? service.prometheus.query(text) : service.prometheus.queryRange(text, shown());
  }

  /** The answer, once there is one. */
  async function answerTo(
    file: DashboardFile,
    { expr, instant }: Pick<Dataquery, 'expr' | 'instant'>,
  ): Promise<Series[]> {
    let answer: Series[] = [];
    await eventually(`data for ${expr}`, async () => hasSamples((answer = await ask(file, expr, instant))));
    return answer;
  }

  it.each(dashboards.map((file) => [file.name, file] as const))('%s has something to choose', (_name, file) => {
    const { port } = new URL(service.url);
    const { namespace, job, ...others } = choices.get(file.name) ?? {};

    expect({ namespace, job: [job].flat() }).toEqual({ namespace: TARGET.namespace, job: [TARGET.job] });
    expect(others).toEqual('instance' in others ? { instance: [`127.0.0.1:${port}`] } : {});
  });

  it.each(queries.filter(([, , , { target }]) => !asksOthers(target.expr)))(
    '%s, "%s", %s: has data, and the labels that the panel shows',
    async (_name, _title, _refId, { file, panel, target }) => {
      const answer = await answerTo(file, target);

      for (const { labels } of answer)
        expect(Object.keys(labels)).toEqual(expect.arrayContaining(shownLabels(panel, target)));
      if (panel.type === 'table')
        expect(Object.keys(answer[0]!.labels).sort()).toEqual(shownLabels(panel, target).sort());
      if (panel.type === 'state-timeline')
        expect(namesOfStates(panel)).toEqual(expect.arrayContaining(valuesOf(answer)));
    },
  );

  it.each(queries.filter(([, , , { target }]) => asksOthers(target.expr)))(
    '%s, "%s", %s: is empty outside of a cluster, and asks for what the rules ask for too',
    async (_name, _title, _refId, { file, target }) => {
      const known = readRules().groups.flatMap(({ rules }) => rules.flatMap(({ expr }) => metricsIn(expr)));

      expect(await ask(file, target.expr, target.instant)).toEqual([]);
      expect(known).toEqual(expect.arrayContaining(metricsIn(target.expr)));
    },
  );

  it.each(annotations)('%s: "%s" marks what happened', async (_name, title, { file, annotation }) => {
    const answer = await answerTo(file, { expr: annotation.expr ?? '' });

    const labels = [
      ...labelsIn(annotation.titleFormat, annotation.textFormat),
      ...(annotation.tagKeys ?? '').split(','),
    ];
    for (const series of answer) expect(Object.keys(series.labels)).toEqual(expect.arrayContaining(labels));
    if (title === 'Deploys') {
      const [startedAt] = valuesOf(await service.prometheus.query('process_start_time_seconds * 1000'));
      expect(annotation.useValueForTime).toBe(true);
      expect(valuesOf(answer)).toEqual([startedAt]);
    }
  });

  it.each(withExemplars)(
    '%s, "%s", %s: has exemplars that lead to traces',
    async (_name, _title, _refId, { file, target }) => {
      const query = { query: expressionOf(file, target.expr) };
      let exemplars: { labels: Record<string, string> }[] = [];

      await eventually('exemplars', async () => {
        const { start, end } = shown();
        const answer = await service.prometheus.get('query_exemplars', {
          ...query,
          start: `${start}`,
          end: `${end + 1}`,
        });
        exemplars = (answer as { exemplars: typeof exemplars }[]).flatMap((series) => series.exemplars);
        return exemplars.length > 0;
      });

      const label = exemplarLabel();
      const traces = new Set(service.receiver.spans.map(({ traceId }) => traceId));
      expect(exemplars.some(({ labels }) => traces.has(labels[label] ?? ''))).toBe(true);
    },
  );

  it('is reached from a span, for the metrics of its route', async () => {
    const { tags, queries } = dataSource('jaeger').jsonData['tracesToMetrics'] as {
      tags: { key: string; value: string }[];
      queries: { name: string; query: string }[];
    };
    const span = service.receiver.spans.find(({ attributes }) => attributes['http.route'] === '/')!;
    const attributes = { ...span.resource, ...span.attributes };
    const labels = tags.map(({ key, value }) => `${value}=${JSON.stringify(attributes[key])}`).join(', ');

    for (const { query } of queries) {
      // `$$` is provisioning's way to write a `$`.
      const text = query.replaceAll('$$', '$').replace('$__tags', labels).replace('$__rate_interval', '1m');
      expect(hasSamples(await service.prometheus.query(text))).toBe(true);
    }
  });
});

/** Labels that a panel shows: in the names of its curves, or as columns. */
function shownLabels(panel: DataPanel, { legendFormat }: Dataquery): string[] {
  if (panel.type !== 'table') return labelsIn(legendFormat);
  const { indexByName } = panel.transformations![0]!.options as { indexByName: Record<string, number> };
  return Object.keys(indexByName).filter((column) => column !== 'Value');
}

function valuesOf(answer: readonly Series[]): number[] {
  return [...new Set(answer.flatMap(({ samples }) => samples.map(({ value }) => value)))];
}

function namesOfStates({ fieldConfig }: DataPanel): number[] {
  return (fieldConfig?.defaults.mappings ?? []).flatMap(({ options }) => Object.keys(options).map(Number));
}

interface DataSource {
  readonly uid: string;
  readonly jsonData: Readonly<Record<string, unknown>>;
}

function dataSource(uid: string): DataSource {
  const file = resolve(import.meta.dirname, '../../monitoring/grafana/provisioning/datasources/hello-world.yaml');
  const { datasources } = parse(readFileSync(file, 'utf8')) as { datasources: DataSource[] };
  return datasources.find((source) => source.uid === uid)!;
}

/** The label by which Grafana finds the trace of an exemplar. */
function exemplarLabel(): string {
  const [destination] = dataSource('prometheus').jsonData['exemplarTraceIdDestinations'] as { name: string }[];
  return destination!.name;
}
