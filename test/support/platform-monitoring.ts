/** A Prometheus that the Prometheus operator runs, and its Alertmanager, asked through the API server. */
import { parse } from 'yaml';
import { kubectl } from './cluster.js';
import type { KubeObject, Values } from './helm.js';
import { findAll, holds } from './platform.js';

/** `namespace/name` of the Prometheus to use, where there are several. */
const PROMETHEUS_VARIABLE = 'TEST_PROMETHEUS';
const PROMETHEUS_PORT = 9090;
/** Those that every alert has. */
const LABELS: ReadonlySet<string> = new Set(['alertname', 'severity', 'service', 'environment', 'namespace', 'job']);

interface Selector {
  readonly matchLabels?: Readonly<Record<string, string>>;
}

interface PrometheusObject extends KubeObject {
  readonly metadata: KubeObject['metadata'] & { readonly namespace: string };
  readonly spec: {
    readonly serviceMonitorSelector?: Selector;
    readonly ruleSelector?: Selector;
    readonly alerting?: {
      readonly alertmanagers: readonly { readonly namespace?: string; readonly name: string; readonly port: string }[];
    };
  };
}

/** A rule as Prometheus has loaded it. */
export interface LoadedRule {
  readonly group: string;
  readonly name: string;
  readonly health: 'ok' | 'unknown' | 'err';
  readonly lastError?: string;
}

/** An alert that fires, as Alertmanager has it. */
export interface ArrivedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Why there is none; ask `whyNoController` before. */
export function whyNoMonitoring(): string | undefined {
  const found = choices();
  if (found.length === 1) return undefined;
  const named = process.env[PROMETHEUS_VARIABLE];
  if (named !== undefined) return `the cluster has no Prometheus ${named} (${PROMETHEUS_VARIABLE}) that is available`;
  if (found.length === 0) return 'the cluster has no Prometheus that is available';
  return `the cluster has several Prometheus, ${found.map(nameOf).join(', ')}: ${PROMETHEUS_VARIABLE}=namespace/name says which`;
}

const nameOf = ({ metadata }: PrometheusObject): string => `${metadata.namespace}/${metadata.name}`;

function choices(): PrometheusObject[] {
  const named = process.env[PROMETHEUS_VARIABLE];
  return findAll<PrometheusObject>('prometheuses.monitoring.coreos.com').filter(
    (prometheus) => holds(prometheus, 'Available') && (named === undefined || nameOf(prometheus) === named),
  );
}

export class Monitoring {
  private constructor(private readonly prometheus: PrometheusObject) {}

  static find(): Monitoring {
    const [prometheus] = choices();
    if (prometheus === undefined) throw new Error(whyNoMonitoring());
    return new Monitoring(prometheus);
  }

  /** Values of the chart with which this Prometheus takes its objects up, and may scrape its pods. */
  get values(): Values {
    const { metadata, spec } = this.prometheus;
    const peer = {
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': metadata.namespace } },
      podSelector: {
        matchLabels: { 'app.kubernetes.io/name': 'prometheus', 'app.kubernetes.io/instance': metadata.name },
      },
    };
    return {
      serviceMonitor: { enabled: true, labels: spec.serviceMonitorSelector?.matchLabels ?? {} },
      prometheusRule: { enabled: true, labels: spec.ruleSelector?.matchLabels ?? {} },
      networkPolicy: { ingress: { prometheus: [peer] } },
    };
  }

  /** Labels that a ServiceMonitor needs. */
  get serviceMonitorLabels(): Readonly<Record<string, string>> {
    return this.prometheus.spec.serviceMonitorSelector?.matchLabels ?? {};
  }

  /** The series of an expression: labels and value. */
  async query(expression: string): Promise<{ labels: Readonly<Record<string, string>>; value: number }[]> {
    const { result } = await this.ask<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
      `query?query=${encodeURIComponent(expression)}`,
    );
    return result.map(({ metric: { __name__: _name, ...labels }, value }) => ({ labels, value: Number(value[1]) }));
  }

  /** The rules that come from PrometheusRules of one namespace. */
  async rulesOf(namespace: string): Promise<LoadedRule[]> {
    interface Group {
      readonly name: string;
      readonly file: string;
      readonly rules: readonly Omit<LoadedRule, 'group'>[];
    }
    const { groups } = await this.ask<{ groups: Group[] }>('rules');
    return groups
      .filter(({ file }) => file.includes(`/${namespace}-`))
      .flatMap(({ name: group, rules }) =>
        rules.map(({ name, health, lastError }) => ({ group, name, health, ...(lastError && { lastError }) })),
      );
  }

  /** The alerts of one namespace that Alertmanager has, less what Prometheus tells of itself in each. */
  async alertsOf(namespace: string): Promise<ArrivedAlert[]> {
    const [alertmanager] = this.prometheus.spec.alerting?.alertmanagers ?? [];
    if (alertmanager === undefined) throw new Error(`${nameOf(this.prometheus)} has no Alertmanager`);
    const { namespace: of = this.prometheus.metadata.namespace, name, port } = alertmanager;
    const filter = encodeURIComponent(`namespace="${namespace}"`);
    const path = `namespaces/${of}/services/${name}:${port}/proxy/api/v2/alerts?filter=${filter}`;
    const alerts = JSON.parse(await kubectl(['get', '--raw', `/api/v1/${path}`])) as ArrivedAlert[];
    const own = await this.externalLabels();
    return alerts.map(({ labels, annotations }) => ({
      labels: Object.fromEntries(Object.entries(labels).filter(([name]) => LABELS.has(name) || !own.includes(name))),
      annotations,
    }));
  }

  /** Names of the labels with which it tells who it is, as `prometheus` and `cluster`. */
  private async externalLabels(): Promise<string[]> {
    const { yaml } = await this.ask<{ yaml: string }>('status/config');
    const { global } = parse(yaml) as { global: { external_labels?: Record<string, string> } };
    return Object.keys(global.external_labels ?? {});
  }

  private async ask<T>(path: string): Promise<T> {
    const { namespace, name } = this.prometheus.metadata;
    const pod = `namespaces/${namespace}/pods/prometheus-${name}-0:${PROMETHEUS_PORT}`;
    const answer = await kubectl(['get', '--raw', `/api/v1/${pod}/proxy/api/v1/${path}`]);
    return (JSON.parse(answer) as { readonly data: T }).data;
  }
}
