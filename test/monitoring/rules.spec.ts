import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { LOCAL_GRAFANA_URL, RUNBOOKS_URL } from '../../scripts/monitoring/links.ts';
import { rewriteDurations, selectorsOf } from '../../scripts/monitoring/promql.ts';
import { isAlert, RULES_FILE, readRules } from '../../scripts/monitoring/rules-file.ts';
import { parseDuration } from '../../scripts/monitoring/scale-rules.ts';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

const ROOT = join(import.meta.dirname, '../..');
const TESTS = 'monitoring/tests';
const PROMTOOL_TIMEOUT_MS = 180_000;

/** What README and runbooks promise. NotReady is a warning for one instance, and critical for all. */
const SEVERITIES = {
  HelloWorldTargetDown: ['critical'],
  HelloWorldHighErrorRate: ['warning'],
  HelloWorldHighLatencyP95: ['warning'],
  HelloWorldNoTraffic: ['info'],
  HelloWorldMetricsHandlerErrors: ['warning'],
  HelloWorldInstanceDown: ['warning'],
  HelloWorldScrapeRefused: ['warning'],
  HelloWorldRestartingOften: ['warning'],
  HelloWorldMemoryNearLimit: ['warning'],
  HelloWorldEventLoopLag: ['warning'],
  HelloWorldDatabasePoolExhausted: ['warning'],
  HelloWorldNotReady: ['critical', 'warning'],
  HelloWorldMigrationsPending: ['warning'],
  HelloWorldFlagsProviderNotReady: ['warning'],
  HelloWorldTelemetryDropped: ['warning'],
  HelloWorldCertificateExpiring: ['warning'],
  HelloWorldAutoscalerAtMax: ['warning'],
  HelloWorldVersionSkew: ['warning'],
  HelloWorldErrorBudgetBurnFast: ['critical'],
  HelloWorldErrorBudgetBurnSlow: ['warning'],
};

/** How the series of exporters are chosen: by the name of the object they tell of. */
const EXPORTER_MATCHERS: Readonly<Record<string, RegExp>> = {
  kube_deployment_: /^deployment=~\.\*hello-world\.\*$/,
  kube_pod_: /^pod=~\.\*hello-world\.\*-\[bcdf/,
  kube_namespace_: /^namespace!=$/,
  kube_horizontalpodautoscaler_: /^horizontalpodautoscaler=~\.\*hello-world\.\*$/,
  certmanager_: /^name=~\.\*hello-world\.\*$/,
};

interface UnitTestFile {
  readonly rule_files: readonly string[];
  readonly tests: readonly {
    readonly name: string;
    readonly alert_rule_test?: readonly {
      readonly eval_time: string;
      readonly alertname: string;
      readonly exp_alerts: readonly {
        readonly exp_labels: Readonly<Record<string, string>>;
        readonly exp_annotations: Readonly<Record<string, string>>;
      }[];
    }[];
  }[];
}

const rules = readRules().groups.flatMap((group) => group.rules);
const alerts = rules.filter(isAlert);
const testFiles = readdirSync(join(ROOT, TESTS)).filter((name) => name.endsWith('.test.yaml'));
const unitTests = testFiles.flatMap(
  (name) => (parse(readFileSync(join(ROOT, TESTS, name), 'utf8')) as UnitTestFile).tests,
);

describeUnless(whyNoTool('promtool'))('promtool', () => {
  it('finds nothing wrong with the rules', () => {
    const { status, stdout, stderr } = promtool('check', 'rules', RULES_FILE);

    expect(stdout + stderr).toContain(`SUCCESS: ${rules.length} rules found`);
    expect(status).toBe(0);
  });

  it('finds nothing wrong with the configuration of the local Prometheus', () => {
    const { status, stdout, stderr } = promtool('check', 'config', 'monitoring/prometheus/prometheus.yml');

    expect(stdout + stderr).toContain('SUCCESS: monitoring/prometheus/prometheus.yml is valid');
    expect(status).toBe(0);
  });

  it.each(testFiles)(
    'passes %s',
    (name) => {
      const { status, stdout, stderr } = promtool('test', 'rules', join(TESTS, name));

      expect(stdout + stderr).toContain('SUCCESS');
      expect(status).toBe(0);
    },
    PROMTOOL_TIMEOUT_MS,
  );
});

describe('the alerts', () => {
  it('are those that were asked for, with their severities', () => {
    const severities: Record<string, string[]> = {};
    for (const { alert, labels } of alerts) (severities[alert] ??= []).push(labels['severity'] ?? '');

    expect(severities).toEqual(SEVERITIES);
  });

  it.each(alerts)('$alert → has the labels to route by, and no other', ({ labels }) => {
    expect(labels).toEqual({
      severity: expect.stringMatching(/^(?:critical|warning|info)$/),
      service: 'hello-world',
      environment: '{{ $externalLabels.environment }}',
    });
  });

  it.each(alerts)(
    '$alert → has a summary, a description with what was measured, and links',
    ({ alert, annotations }) => {
      const query = 'var-namespace={{ $labels.namespace }}&var-job={{ $labels.job }}';

      expect(annotations).toEqual({
        summary: expect.stringContaining('{{ $labels.namespace }}'),
        description: expect.stringMatching(/\$value|\| query/),
        runbook_url: `${RUNBOOKS_URL}/${alert}.md`,
        dashboard_url: expect.stringMatching(/^\S+\/d\/hello-world-(?:service|slo|runtime|flags)\?/),
      });
      expect(annotations['dashboard_url']).toMatch(new RegExp(`^${LOCAL_GRAFANA_URL}/d/`));
      expect(annotations['dashboard_url']).toContain(query);
    },
  );

  it.each(alerts.filter(({ expr }) => /\b(?:increase|rate)\(/.test(expr)))(
    '$alert → waits no longer than its window holds what it counted',
    ({ expr, for: pending }) => {
      const windows = durationsOf(expr).map(parseDuration);

      expect(pending === undefined ? 0 : parseDuration(pending)).toBeLessThanOrEqual(Math.min(...windows) / 2);
    },
  );

  it.each(
    Object.entries(SEVERITIES).flatMap(([alert, severities]) => severities.map((severity) => ({ alert, severity }))),
  )('$alert, $severity → has a unit test in which it is silent, fires, and resolves', ({ alert, severity }) => {
    const courses = unitTests.map(({ alert_rule_test: looks = [] }) =>
      looks
        .filter(({ alertname }) => alertname === alert)
        .toSorted((a, b) => parseDuration(a.eval_time) - parseDuration(b.eval_time))
        .map(({ exp_alerts: [first] }) => first?.exp_labels['severity'] ?? 'silent')
        .join(' '),
    );

    expect(courses).toContainEqual(expect.stringMatching(new RegExp(`silent ${severity} (?:.* )?silent$`)));
  });

  it('have, wherever they fire in a unit test, exactly the labels they are routed and grouped by', () => {
    const fired = unitTests.flatMap(({ alert_rule_test: looks = [] }) => looks.flatMap(({ exp_alerts }) => exp_alerts));

    for (const { exp_labels } of fired)
      expect(Object.keys(exp_labels).toSorted()).toEqual(['environment', 'job', 'namespace', 'service', 'severity']);
  });
});

describe('the expressions', () => {
  const selectors = rules.flatMap(({ expr }) => selectorsOf(expr));

  it.each(selectors.filter(({ metric }) => !isOfExporter(metric)))(
    'select the series of the service by its job: $metric',
    ({ matchers }) => {
      expect(matchers.filter(({ label }) => label === 'job')).toEqual([
        { label: 'job', operator: '=~', value: '.*hello-world.*' },
      ]);
    },
  );

  it.each(selectors.filter(({ metric }) => isOfExporter(metric)))(
    'select the series of exporters by the object they tell of: $metric',
    ({ metric, matchers: [first] }) => {
      const [, form] = Object.entries(EXPORTER_MATCHERS).find(([prefix]) => metric.startsWith(prefix)) ?? [];

      expect(`${first?.label}${first?.operator}${first?.value}`).toMatch(form ?? /never/);
    },
  );

  it('read no recorded series that no rule makes', () => {
    const made = new Set(rules.flatMap((rule) => ('record' in rule ? rule.record : [])));

    expect(selectors.map(({ metric }) => metric).filter((metric) => metric.includes(':') && !made.has(metric))).toEqual(
      [],
    );
  });

  it('record series by level, metric and operations, with the level that they aggregate by', () => {
    for (const rule of rules.filter((each) => 'record' in each)) {
      const [level = '', metric, operations, ...rest] = rule.record.split(':');
      const labels = level.split('_').filter((label) => rule.labels?.[label] === undefined);

      expect([metric, operations, rest]).toEqual([expect.any(String), expect.any(String), []]);
      expect(rule.expr).toMatch(new RegExp(String.raw`by \(${labels.join(', ')}\)|${labels.join('_')}\w*:`));
    }
  });
});

/** Ranges and offsets. */
function durationsOf(expression: string): string[] {
  const durations: string[] = [];
  rewriteDurations(expression, (duration) => {
    durations.push(duration);
    return duration;
  });
  return durations;
}

function isOfExporter(metric: string): boolean {
  return Object.keys(EXPORTER_MATCHERS).some((prefix) => metric.startsWith(prefix));
}

function promtool(...args: string[]) {
  return spawnSync('promtool', args, { cwd: ROOT, encoding: 'utf8', timeout: PROMTOOL_TIMEOUT_MS });
}
