import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import {
  ENVIRONMENT_PLACEHOLDER,
  GRAFANA_URL_PLACEHOLDER,
  NAMESPACE_PLACEHOLDER,
  prometheusRules,
  RUNBOOKS_URL_PLACEHOLDER,
} from '../../scripts/generated/prometheus-rules.ts';
import { GRAFANA_URL, LOCAL_GRAFANA_URL, RUNBOOKS_URL } from '../../scripts/monitoring/links.ts';
import { type Selector, selectorsOf } from '../../scripts/monitoring/promql.ts';
import { isAlert, RULES_FILE, type RulesFile, readRules, writeYaml } from '../../scripts/monitoring/rules-file.ts';
import { scaleRules } from '../../scripts/monitoring/scale-rules.ts';
import { kubeSchemas } from '../support/kube-schemas.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless, itUnless } from '../support/unless.js';

const ROOT = join(import.meta.dirname, '../..');
const OPERATOR_COPY = 'monitoring/prometheus-rule.yaml';
const TESTS = 'monitoring/tests';
const UNIT_TEST_TIMEOUT_MS = 180_000;
const CHART_COPY = 'deploy/helm/hello-world/files/prometheus-rules.yaml';

const source = readRules();
const noPromtool = whyNoTool('promtool');
const schemas = await kubeSchemas();

describe('the copies of the rules', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'rules-copies-'));
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  function promtool(command: 'check' | 'test', text: string): string {
    const file = join(folder, 'rules.yaml');
    writeFileSync(file, text);
    const { stdout, stderr } = spawnSync('promtool', [command, 'rules', file], { cwd: ROOT, encoding: 'utf8' });
    return stdout + stderr;
  }

  it.each(Object.entries(prometheusRules()))('%s → is current, and says where it comes from', (name, text) => {
    expect(read(name)).toBe(text);
    expect(text).toContain(`# Generated from ${RULES_FILE} by \`npm run generate\``);
  });

  describe('for the operator', () => {
    const copy = parse(read(OPERATOR_COPY)) as {
      kind: string;
      metadata: { name: string; namespace: string; labels: Record<string, string> };
      spec: RulesFile;
    };

    it('is found by kube-prometheus-stack, in the namespace monitoring', () => {
      expect(copy.kind).toBe('PrometheusRule');
      expect(copy.metadata).toMatchObject({
        name: 'hello-world',
        namespace: 'monitoring',
        labels: { release: 'kube-prometheus-stack' },
      });
    });

    it('has the very rules of the source, and leads to the Grafana of the platform', () => {
      const backToSource = JSON.stringify(copy.spec).replaceAll(`${GRAFANA_URL}/d/`, `${LOCAL_GRAFANA_URL}/d/`);

      expect(JSON.parse(backToSource)).toEqual(source);
      expect(JSON.stringify(copy.spec)).not.toContain(LOCAL_GRAFANA_URL);
    });

    itUnless(schemas.missing)('is valid by the schema of the operator', async () => {
      const { status, stdout } = spawnSync('kubeconform', ['-strict', '-summary', ...schemas.args, OPERATOR_COPY], {
        cwd: ROOT,
        encoding: 'utf8',
      });

      expect(stdout).toContain('Valid: 1, Invalid: 0, Errors: 0, Skipped: 0');
      expect(status).toBe(0);
    });
  });

  describe('for the chart', () => {
    const text = read(CHART_COPY);
    const copy = parse(text) as RulesFile;
    const pairs = source.groups.flatMap(({ rules }, group) =>
      rules.map((rule, index) => ({
        name: isAlert(rule) ? rule.alert : rule.record,
        rule,
        copied: copy.groups[group]!.rules[index]!,
      })),
    );

    it.each(pairs)('$name → selects one namespace in every selector, and is else as it was', ({ rule, copied }) => {
      const selectors = selectorsOf(copied.expr);

      expect(selectors.length).toBeGreaterThan(0);
      for (const { matchers } of selectors) expect(matchers.filter(isOfNamespace)).toHaveLength(1);
      expect(withoutNamespace(copied.expr)).toBe(
        withoutNamespace(rule.expr.replaceAll(', exported_namespace!=""', '')),
      );
    });

    it.each(pairs.filter(({ rule }) => isAlert(rule)))(
      '$name → has the environment of the release',
      ({ rule, copied }) => {
        const { labels } = rule;

        expect(copied.labels).toEqual({ ...labels, environment: ENVIRONMENT_PLACEHOLDER });
      },
    );

    it('leads to the Grafana and the runbooks of the values', () => {
      expect(text).not.toContain(LOCAL_GRAFANA_URL);
      expect(text).not.toContain(RUNBOOKS_URL);
      expect(text.split(`${GRAFANA_URL_PLACEHOLDER}/d/`).length - 1).toBe(
        pairs.filter(({ rule }) => isAlert(rule)).length,
      );
    });

    itUnless(noPromtool)('is a rules file, in whatever namespace it is installed', async () => {
      expect(promtool('check', text.replaceAll(NAMESPACE_PLACEHOLDER, 'shop'))).toContain('SUCCESS');
    });

    describeUnless(noPromtool)('installed for every namespace at once', () => {
      it.each(readdirSync(join(ROOT, TESTS)).filter((name) => name.endsWith('.test.yaml')))(
        'passes the unit tests of the source: %s',
        (name) => {
          const rules = join(folder, 'chart-everywhere.yaml');
          writeFileSync(
            rules,
            text
              .replaceAll(`namespace="${NAMESPACE_PLACEHOLDER}"`, 'namespace=~".+"')
              .replaceAll(ENVIRONMENT_PLACEHOLDER, '"{{ $externalLabels.environment }}"')
              .replaceAll(GRAFANA_URL_PLACEHOLDER, LOCAL_GRAFANA_URL)
              .replaceAll(RUNBOOKS_URL_PLACEHOLDER, RUNBOOKS_URL),
          );

          const result = promtool('test', read(join(TESTS, name)).replace('../prometheus-rules.yaml', rules));

          expect(result).toContain('SUCCESS');
        },
        UNIT_TEST_TIMEOUT_MS,
      );
    });

    itUnless(noPromtool)('fires for the release of its own namespace, and for no other', async () => {
      const rules = join(folder, 'chart.yaml');
      writeFileSync(rules, text.replaceAll(NAMESPACE_PLACEHOLDER, 'bank').replaceAll(ENVIRONMENT_PLACEHOLDER, 'prod'));
      const down =
        'ALERTS{alertname="HelloWorldTargetDown", alertstate="firing", severity="critical", service="hello-world"';

      const result = promtool(
        'test',
        writeYaml([], {
          rule_files: [rules],
          evaluation_interval: '1m',
          tests: [
            {
              interval: '1m',
              input_series: [
                { series: 'up{namespace="shop", job="hello-world", instance="a"}', values: '0x30' },
                { series: 'up{namespace="bank", job="hello-world", instance="b"}', values: '1x5 0x25' },
              ],
              promql_expr_test: [
                { eval_time: '5m', expr: 'ALERTS', exp_samples: [] },
                {
                  eval_time: '20m',
                  expr: 'ALERTS',
                  exp_samples: [
                    { labels: `${down}, environment="prod", namespace="bank", job="hello-world"}`, value: 1 },
                  ],
                },
              ],
            },
            {
              interval: '1m',
              input_series: [{ series: 'up{namespace="shop", job="hello-world", instance="a"}', values: '1x30' }],
              promql_expr_test: [
                {
                  eval_time: '20m',
                  expr: 'ALERTS',
                  exp_samples: [
                    { labels: `${down}, environment="prod", namespace="bank", job="hello-world"}`, value: 1 },
                  ],
                },
              ],
            },
          ],
        }),
      );

      expect(result).toContain('SUCCESS');
    });
  });

  it('shortened for a test → are written by a command as well', () => {
    const command = ['scripts/monitoring/scale-rules.ts', '--factor', '60', '--group-factor', 'hello-world-slo=600'];
    const { stdout } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: 'utf8' });

    expect(parse(stdout)).toEqual(scaleRules(source, { factor: 60, groupFactors: { 'hello-world-slo': 600 } }));
  });

  itUnless(noPromtool)('shortened for a test → are rules still', async () => {
    expect(promtool('check', writeYaml([], scaleRules(source, { factor: 60 })))).toContain('SUCCESS');
  });
});

function read(name: string): string {
  return readFileSync(join(ROOT, name), 'utf8');
}

function isOfNamespace({ label, operator, value }: Selector['matchers'][number]): boolean {
  return /^(?:exported_)?namespace$/.test(label) && operator === '=' && value === NAMESPACE_PLACEHOLDER;
}

function withoutNamespace(expression: string): string {
  return expression.replaceAll(new RegExp(`(?:exported_)?namespace="${NAMESPACE_PLACEHOLDER}", `, 'g'), '');
}
