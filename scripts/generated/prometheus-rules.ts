/** The two copies of the alert rules: for `kubectl apply -f`, and for the chart. */
import { GRAFANA_URL, LOCAL_GRAFANA_URL, RUNBOOKS_URL } from '../monitoring/links.ts';
import { type Matcher, rewriteMatchers, type Selector } from '../monitoring/promql.ts';
import { isAlert, mapRules, RULES_FILE, type Rule, readRules, writeYaml } from '../monitoring/rules-file.ts';

export const NAMESPACE_PLACEHOLDER = '__NAMESPACE__';
export const ENVIRONMENT_PLACEHOLDER = '__ENVIRONMENT__';
export const GRAFANA_URL_PLACEHOLDER = '__GRAFANA_URL__';
export const RUNBOOKS_URL_PLACEHOLDER = '__RUNBOOKS_URL__';

export function prometheusRules(): Record<string, string> {
  return {
    'monitoring/prometheus-rule.yaml': prometheusRule(),
    'deploy/helm/hello-world/files/prometheus-rules.yaml': chartRules(),
  };
}

/** https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.PrometheusRule */
function prometheusRule(): string {
  return writeYaml(
    [
      `Generated from ${RULES_FILE} by \`npm run generate\`. For a cluster with the Prometheus operator:`,
      '  kubectl apply -f monitoring/prometheus-rule.yaml',
      'One for all namespaces; where the chart brings its own rules, apply no other.',
    ],
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PrometheusRule',
      metadata: {
        name: 'hello-world',
        namespace: 'monitoring',
        labels: {
          'app.kubernetes.io/name': 'hello-world',
          'app.kubernetes.io/part-of': 'hello-world',
          // What kube-prometheus-stack selects rules by.
          release: 'kube-prometheus-stack',
        },
      },
      spec: mapRules(readRules(), (rule) => withLinks(rule, GRAFANA_URL, RUNBOOKS_URL)),
    },
  );
}

/** Placeholders, not template actions: the annotations are templates of Prometheus, in the very same braces. */
function chartRules(): string {
  return writeYaml(
    [
      `Generated from ${RULES_FILE} by \`npm run generate\`: the same rules for one namespace. To be used as`,
      `  spec: {{- .Files.Get "files/prometheus-rules.yaml" | replace "${NAMESPACE_PLACEHOLDER}" .Release.Namespace`,
      `    | replace "${ENVIRONMENT_PLACEHOLDER}" .Values.environment | replace "${GRAFANA_URL_PLACEHOLDER}" …`,
      `    | replace "${RUNBOOKS_URL_PLACEHOLDER}" … | nindent 2 }}`,
      'and never through `tpl`: the braces in the annotations are for Prometheus.',
    ],
    mapRules(readRules(), (rule) => {
      const expr = rewriteMatchers(rule.expr, inOneNamespace);
      if (!isAlert(rule)) return { ...rule, expr };
      const { labels } = rule;
      return {
        ...withLinks(rule, GRAFANA_URL_PLACEHOLDER, RUNBOOKS_URL_PLACEHOLDER),
        expr,
        labels: { ...labels, environment: ENVIRONMENT_PLACEHOLDER },
      };
    }),
  );
}

/**
 * Selects one namespace besides what is selected already. Of cert-manager the namespace of a certificate may be in
 * `exported_namespace`: a selector that asks for this label to be there asks for its value.
 */
function inOneNamespace({ matchers }: Selector): Matcher[] {
  const exported = matchers.find(
    ({ label, operator, value }) => isExported(label) && operator === '!=' && value === '',
  );
  const namespace: Matcher = {
    label: exported ? exported.label : 'namespace',
    operator: '=',
    value: NAMESPACE_PLACEHOLDER,
  };
  return [namespace, ...matchers.filter((matcher) => matcher !== exported)];
}

function isExported(label: string): boolean {
  return label === 'exported_namespace';
}

function withLinks(rule: Rule, grafanaUrl: string, runbooksUrl: string): Rule {
  if (!isAlert(rule)) return rule;
  const { runbook_url = '', dashboard_url = '', ...annotations } = rule.annotations;
  return {
    ...rule,
    annotations: {
      ...annotations,
      runbook_url: runbook_url.replace(RUNBOOKS_URL, runbooksUrl),
      dashboard_url: dashboard_url.replace(LOCAL_GRAFANA_URL, grafanaUrl),
    },
  };
}
