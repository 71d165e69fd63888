import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { VariableType } from '@grafana/grafana-foundation-sdk/dashboard';
import { PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { PROVIDER_STATES } from '#libs/flags';
import {
  ALERT_AT,
  BURN_RATES,
  CERTIFICATE_EXPIRES_WITHIN,
  OBJECTIVES,
  PERIOD_SECONDS,
} from '../../monitoring/grafana/src/thresholds.ts';
import { selectorsOf } from '../../scripts/monitoring/promql.ts';
import { isAlert, readRules } from '../../scripts/monitoring/rules-file.ts';
import { type DashboardFile, type DataPanel, readDashboards } from '../support/dashboards.js';

const dashboards = readDashboards();
const panels = dashboards.flatMap(({ name, panels }) => panels.map((panel) => [name, panel.title, panel] as const));
const rules = readRules().groups.flatMap((group) => group.rules);
const alerts = rules.filter((rule) => isAlert(rule));

/** Panels of a share or a duration that is never bad in itself. */
const NEITHER_GOOD_NOR_BAD = new Set([
  'Age',
  'Duration, p95', // Of the admin interface: no objective.
  'Duration, spread', // A heatmap has colours of its own.
  'Event-loop lag, spread', // Beside the one with the threshold.
  'Time in garbage collection',
]);

const judged = panels.filter(
  ([, title, { fieldConfig }]) =>
    ['percentunit', 's'].includes(fieldConfig?.defaults.unit ?? '') && !NEITHER_GOOD_NOR_BAD.has(title),
);

function readYaml(path: string): unknown {
  return parse(readFileSync(resolve(import.meta.dirname, '../..', path), 'utf8'), { merge: true });
}

function runbooksOf({ links = [] }: DataPanel): (string | undefined)[] {
  return links.map(({ url }) => url);
}

function stepsOf({ fieldConfig }: DataPanel): (number | null)[] {
  return (fieldConfig?.defaults.thresholds?.steps ?? []).map(({ value }) => value);
}

describe('dashboards', () => {
  it('are the four that alerts and documents name', () => {
    expect(new Set(dashboards.map(({ dashboard }) => dashboard.uid))).toEqual(
      new Set(['hello-world-service', 'hello-world-slo', 'hello-world-runtime', 'hello-world-flags']),
    );
  });

  describe.each(dashboards.map((file) => [file.name, file] as const))('%s', (name, file: DashboardFile) => {
    const { dashboard, variables, annotations } = file;
    const all = dashboard.panels ?? [];

    it('has its uid as its file name, and the frame that all have', () => {
      expect(dashboard).toMatchObject({
        uid: name,
        title: expect.stringMatching(/^hello-world \/ /),
        description: expect.stringMatching(/\.$/),
        tags: expect.arrayContaining(['hello-world']),
        timezone: 'browser',
        refresh: expect.stringMatching(/^\d+[sm]$/),
        time: { from: expect.stringMatching(/^now-/), to: 'now' },
      });
      expect(dashboard).not.toHaveProperty('id');
      expect(dashboard).not.toHaveProperty('version');
    });

    it('leads to the others, with what is chosen and the time shown', () => {
      expect(dashboard.links).toContainEqual(
        expect.objectContaining({ type: 'dashboards', tags: ['hello-world'], includeVars: true, keepTime: true }),
      );
    });

    it('asks by the data source that is chosen, in variables, annotations, panels and targets', () => {
      const chosen = { type: 'prometheus', uid: '${datasource}' };
      const asking = [
        ...variables.filter(({ type }) => type === VariableType.Query),
        ...annotations,
        ...file.panels,
        ...file.panels.flatMap(({ targets }) => targets),
      ];

      expect(variables[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' });
      expect(asking.map(({ datasource }) => datasource)).toEqual(asking.map(() => chosen));
    });

    it('marks deploys, changes of flags, and alerts', () => {
      expect(annotations.map(({ name, enable }) => [name, enable])).toEqual([
        ['Deploys', true],
        ['Flag changes', true],
        ['Alerts', true],
      ]);
    });

    it('has panels with numbers and titles of their own, none over another', () => {
      const places = all.flatMap(({ gridPos }) => {
        const { x, y, w, h } = gridPos!;
        expect(x + w).toBeLessThanOrEqual(24);
        return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`);
      });

      expect(new Set(places).size).toBe(places.length);
      expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
      expect(new Set(file.panels.map(({ title }) => title)).size).toBe(file.panels.length);
    });
  });
});

describe('a panel', () => {
  it.each(panels)(
    'of %s, "%s", says what it shows, in which unit, and what if there is nothing',
    (_name, _title, panel) => {
      const { description, fieldConfig, targets } = panel;

      expect(description).toMatch(/\.$/);
      expect(fieldConfig?.defaults).toMatchObject({ unit: expect.any(String), noValue: expect.any(String) });
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      for (const { expr, legendFormat, format } of targets) {
        expect(expr).not.toBe('');
        if (format !== PromQueryFormat.Table) expect(legendFormat).toEqual(expect.stringMatching(/./));
      }
      if (panel.type === 'timeseries') expect(panel.options).toMatchObject({ legend: { showLegend: true } });
    },
  );

  it.each(judged)('of %s, "%s", says from where on it is bad', (_name, _title, panel) => {
    expect(stepsOf(panel).length).toBeGreaterThan(1);
  });

  it.each(panels)('of %s, "%s", leads to runbooks of alerts that there are', (_name, _title, panel) => {
    const known = alerts.map(({ annotations }) => annotations['runbook_url']);

    expect(known).toEqual(expect.arrayContaining(runbooksOf(panel)));
  });
});

describe('an alert', () => {
  it.each(alerts.map((rule) => [rule.alert, rule] as const))(
    '%s leads to a dashboard that has a panel on it, with namespace and job filled in',
    (_name, { annotations }) => {
      const url = new URL(annotations['dashboard_url']!.replaceAll(/[{}$ ]/g, ''));
      const file = dashboards.find(({ dashboard }) => url.pathname === `/d/${dashboard.uid}`);

      expect(file?.panels.flatMap(runbooksOf)).toContain(annotations['runbook_url']);
      expect(file?.variables.map(({ name }) => `var-${name}`)).toEqual(
        expect.arrayContaining([...url.searchParams.keys()]),
      );
    },
  );

  it.each(Object.entries(ALERT_AT))(
    '%s fires from %d on, and a panel on it is red from there on',
    (name, threshold) => {
      const rule = alerts.find(({ alert }) => alert === name);
      const compared = [...rule!.expr.matchAll(/(>=?) ([\d.]+)/g)].map(([, operator, value]) =>
        operator === '>' && value === '0' ? 1 : Number(value),
      );
      const red = panels
        .filter(([, , panel]) => runbooksOf(panel).includes(rule!.annotations['runbook_url']))
        .flatMap(([, , panel]) => stepsOf(panel));

      expect(compared).toContain(threshold);
      expect(red).toContain(threshold);
    },
  );

  it.each([
    ['Requests', 'HelloWorldNoTraffic'],
    ['Errors', 'HelloWorldHighErrorRate'],
  ])('is on the same requests as the number "%s" that leads to %s', (title, name) => {
    const { expr } = alerts.find(({ alert }) => alert === name)!;
    const [, , panel] = panels.find(([, other]) => other === title)!;
    /** With what is counted by: directly, or through the rule that records it. */
    const matchersOf = (query: string): string[] =>
      selectorsOf(query).flatMap(({ metric, matchers }) => {
        const own = matchers.filter(({ label }) => label === 'handler').map(({ value }) => value);
        return own.concat(
          rules.flatMap((rule) => ('record' in rule && rule.record === metric ? matchersOf(rule.expr) : [])),
        );
      });

    expect(runbooksOf(panel)).toContain(alerts.find(({ alert }) => alert === name)!.annotations['runbook_url']);
    expect(new Set(panel.targets.flatMap((target) => matchersOf(target.expr)))).toEqual(new Set(matchersOf(expr)));
  });

  it('on a certificate fires from where on the panel is red', () => {
    const rule = alerts.find(({ alert }) => alert === 'HelloWorldCertificateExpiring');
    const [, days, seconds] = /< (\d+) \* (\d+)/.exec(rule!.expr)!;

    expect(Number(days) * Number(seconds)).toBe(CERTIFICATE_EXPIRES_WITHIN);
    expect(panels.find(([, title]) => title === 'Certificate')?.[2]).toMatchObject({
      fieldConfig: { defaults: { thresholds: { steps: [{ color: 'red' }, { value: CERTIFICATE_EXPIRES_WITHIN }] } } },
    });
  });

  it.each([
    ['HelloWorldErrorBudgetBurnSlow', BURN_RATES.slow],
    ['HelloWorldErrorBudgetBurnFast', BURN_RATES.fast],
  ])('%s fires above the burn rates of the panel', (name, rates) => {
    const { expr } = alerts.find(({ alert }) => alert === name)!;

    const compared = new Set([...expr.matchAll(/> ([\d.]+)/g)].map(([, value]) => Number(value)));

    expect([...compared].sort((a, b) => a - b)).toEqual(rates);
  });
});

describe('objectives', () => {
  const sloPanels = dashboards.find(({ name }) => name === 'hello-world-slo')!.panels;

  it('are those that the rules count by', () => {
    const allowed = Object.fromEntries(
      rules.flatMap(({ expr, labels }) => {
        const [, objective] = /^\(1 - ([\d.]+)\) \* /.exec(expr) ?? [];
        return objective === undefined ? [] : [[labels?.['slo'], Number(objective)]];
      }),
    );
    const [, seconds] = /le="([\d.]+)"/.exec(rules.find(({ expr }) => expr.includes(', le="'))!.expr)!;
    const latency = sloPanels.find(({ title }) => title === 'Latency: good requests');

    expect(OBJECTIVES).toEqual(allowed);
    expect(latency?.description).toContain(`within ${Number(seconds) * 1_000} ms`);
    expect(stepsOf(latency!)).toContain(OBJECTIVES.latency);
  });

  it('are shown with how much of their time there is data of', () => {
    const history = sloPanels.find(({ title }) => title === 'History')!;

    const recorded = rules.flatMap((rule) => ('record' in rule && rule.record.endsWith('30d') ? [rule.expr] : []));

    expect(recorded.length).toBeGreaterThan(0);
    for (const expr of recorded) expect(expr.match(/(?<=\[)\w+(?=])/g)).toContain(`${PERIOD_SECONDS / 86_400}d`);
    expect(history.targets[0]?.expr).toContain(`[${PERIOD_SECONDS / 86_400}d:`);
    // Red until all of it is there, but for the hour by which the query may be late.
    expect(stepsOf(history)).toEqual([null, PERIOD_SECONDS - 3_600]);
  });

  it('are shown with every burn rate that is recorded', () => {
    const shown = sloPanels.flatMap(({ targets }) => targets.flatMap(({ expr }) => selectorsOf(expr)));
    const recorded = rules.flatMap((rule) => ('record' in rule && /burn_rate/.test(rule.record) ? [rule.record] : []));

    expect(recorded).not.toEqual([]);
    expect(shown.map(({ metric }) => metric)).toEqual(expect.arrayContaining(recorded));
  });
});

describe('the list of firing alerts', () => {
  it('leads from the name of each to its runbook', () => {
    const [, , panel] = panels.find(([, title]) => title === 'Firing alerts')!;
    const [link] = panel.fieldConfig!.overrides[0]!.properties[0]!.value as [{ url: string }];

    const leads = alerts.map(({ alert }) => link.url.replace('${__value.text}', alert));

    expect(leads).toEqual(alerts.map(({ annotations }) => annotations['runbook_url']));
  });
});

describe('the panel on the flag provider', () => {
  it('has a name and a colour for each state', () => {
    const [, , panel] = panels.find(([, title]) => title === 'Provider')!;
    const [mapping] = panel.fieldConfig?.defaults.mappings ?? [];

    const names = Object.values(mapping?.options as Record<string, { text: string }>).map(({ text }) => text);

    expect(names).toEqual(PROVIDER_STATES);
  });
});

describe("Grafana's provisioning", () => {
  interface DataSource {
    readonly uid: string;
    readonly type: string;
    readonly url: string;
    readonly jsonData: Readonly<Record<string, unknown>>;
  }
  interface Compose {
    readonly services: Readonly<
      Record<string, { readonly command?: readonly string[]; readonly volumes?: readonly string[] }>
    >;
  }
  const { services } = readYaml('docker-compose.yml') as Compose;
  const { datasources } = readYaml('monitoring/grafana/provisioning/datasources/hello-world.yaml') as {
    readonly datasources: readonly DataSource[];
  };
  const byUid = new Map(datasources.map((source) => [source.uid, source]));

  it('asks the services of the local platform', () => {
    expect(datasources.map(({ uid, type, url }) => [uid, type, new URL(url).hostname])).toEqual([
      ['prometheus', 'prometheus', 'prometheus'],
      ['jaeger', 'jaeger', 'jaeger'],
      ['alertmanager', 'alertmanager', 'alertmanager'],
    ]);
    expect(Object.keys(services)).toEqual(expect.arrayContaining([...byUid.keys()]));
  });

  it('knows how often Prometheus scrapes, and where the trace of an exemplar is', () => {
    const { global } = readYaml('monitoring/prometheus/prometheus.yml') as { global: { scrape_interval: string } };

    expect(byUid.get('prometheus')?.jsonData).toMatchObject({
      timeInterval: global.scrape_interval,
      alertmanagerUid: 'alertmanager',
      exemplarTraceIdDestinations: [{ name: 'trace_id', datasourceUid: 'jaeger' }],
    });
    expect(services['prometheus']?.command).toContain('--enable-feature=exemplar-storage');
  });

  it('finds the dashboards where the container has them', () => {
    const { providers } = readYaml('monitoring/grafana/provisioning/dashboards/hello-world.yaml') as {
      readonly providers: readonly { readonly options: { readonly path: string } }[];
    };

    const mounts = services['grafana']?.volumes?.map((volume) => volume.split(':').at(-2));

    expect(mounts).toEqual(expect.arrayContaining([providers[0]?.options.path, '/etc/grafana/provisioning']));
  });
});
