/**
 * Needs the Prometheus operator with a Prometheus that takes up ServiceMonitors and PrometheusRules of all namespaces and
 * sends its alerts to an Alertmanager. Where there are several, `TEST_PROMETHEUS=namespace/name` says which. The rules and
 * their times are the chart's own, so an alert takes minutes.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { RUNBOOKS_URL } from '../../scripts/monitoring/links.ts';
import { isAlert, readRules } from '../../scripts/monitoring/rules-file.ts';
import { Namespace, whyNoCluster } from '../support/cluster.js';
import { DATABASE_VALUES, startPostgres } from '../support/cluster-neighbours.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { over } from '../support/helm.js';
import { bringKubeStateMetrics, whyNoKubeStateMetrics } from '../support/kube-state-metrics.js';
import { whyNoController } from '../support/platform.js';
import { type ArrivedAlert, Monitoring, whyNoMonitoring } from '../support/platform-monitoring.js';
import { describeUnless, itUnless } from '../support/unless.js';

/** The job is to be known by `hello-world` under any name of the release. */
const RELEASE = 'greeter';
const JOB = `${RELEASE}-hello-world`;
const REPLICAS = 2;
const GRAFANA_URL = 'https://grafana.example';

/** The operator writes files that Prometheus' pod gets once a minute. */
const TAKEN_UP_WITHIN_MS = 240_000;
/** The longest of the rules asked here needs 2 minutes, two evaluations and a file that its pod gets once a minute. */
const ALERTED_WITHIN_MS = 480_000;
const TEST_TIMEOUT_MS = 600_000;

const whyNot =
  whyNoCluster() ??
  whyNoController('Prometheus of the Prometheus operator', 'Alertmanager of the Prometheus operator') ??
  whyNoMonitoring();

describeUnless(whyNot)('18 ServiceMonitor and PrometheusRule, taken up by the Prometheus operator', () => {
  let namespace: Namespace;
  let monitoring: Monitoring;

  beforeAll(async () => {
    monitoring = Monitoring.find();
    namespace = await Namespace.create('monitoring');
    await startPostgres(namespace);
    await install();
  }, TEST_TIMEOUT_MS);

  afterAll(async () => namespace.delete(), TEST_TIMEOUT_MS);

  async function install(): Promise<void> {
    const values = over(DATABASE_VALUES, monitoring.values, {
      replicaCount: REPLICAS,
      hpa: { enabled: false },
      serviceMonitor: { interval: '5s', scrapeTimeout: '5s' },
      runbooksUrl: RUNBOOKS_URL,
      prometheusRule: { grafanaUrl: GRAFANA_URL },
    });
    await namespace.install(values, { release: RELEASE });
  }

  async function up(): Promise<Record<string, string>[]> {
    const targets = await monitoring.query(`up{job=~".*hello-world.*", namespace="${namespace.name}"} == 1`);
    return targets.map(({ labels: { job = '', pod = '' } }) => ({ job, pod }));
  }

  it(
    'each pod, behind the chart’s network policy → is a target that is up, by a job that matches .*hello-world.*',
    async () => {
      const began = Date.now();
      const pods = (await namespace.readyPods(RELEASE)).map(({ metadata }) => metadata.name);

      await eventually('targets are up', async () => (await up()).length >= REPLICAS, TAKEN_UP_WITHIN_MS);
      figure(`up after ${secondsSince(began)} s`);

      expect(await up()).toEqual(expect.arrayContaining(pods.map((pod) => ({ job: JOB, pod }))));
      expect(pods).toHaveLength(REPLICAS);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'every rule of monitoring/prometheus-rules.yaml → is loaded, and evaluated without an error',
    async () => {
      const began = Date.now();
      // Prometheus sorts groups.
      const groups = [...readRules().groups].sort((one, other) => (one.name < other.name ? -1 : 1));
      const rules = groups.flatMap(({ name: group, rules }) =>
        rules.map((rule) => ({ group, name: isAlert(rule) ? rule.alert : rule.record, health: 'ok' })),
      );
      const evaluated = async () => {
        const loaded = await monitoring.rulesOf(namespace.name);
        return loaded.length > 0 && loaded.every(({ health }) => health !== 'unknown');
      };

      await eventually('its rules are evaluated', evaluated, TAKEN_UP_WITHIN_MS);
      figure(`${rules.length} rules after ${secondsSince(began)} s`);

      expect(await monitoring.rulesOf(namespace.name)).toEqual(rules);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'Postgres goes away → Prometheus still scrapes the pods that are not ready, and HelloWorldNotReady reaches Alertmanager with exactly its labels',
    async () => {
      const began = Date.now();
      await namespace.kubectl(['scale', 'deployment/postgres', '--replicas=0']);

      const alert = await arrived('HelloWorldNotReady', 'critical');
      figure(`in Alertmanager ${secondsSince(began)} s after its cause`);

      expectAlert(alert, 'HelloWorldNotReady', 'critical');
      expect(alert.annotations['description']).toContain('database');
      expect(await up()).toHaveLength(REPLICAS);

      await namespace.kubectl(['scale', 'deployment/postgres', '--replicas=1']);
      await namespace.kubectl(['rollout', 'status', 'deployment/postgres', '--timeout=180s']);
      await install(); // It comes back empty.
    },
    TEST_TIMEOUT_MS,
  );

  itUnless(whyNoKubeStateMetrics())(
    'the flag metrics_enabled is switched off → HelloWorldScrapeRefused, and no HelloWorldTargetDown, since the pods are ready',
    async () => {
      await bringKubeStateMetrics(namespace, monitoring.serviceMonitorLabels);
      const available = `kube_deployment_status_replicas_available{namespace="${namespace.name}", deployment="${JOB}"}`;
      const known = async () => (await monitoring.query(available))[0]?.value === REPLICAS;
      await eventually('kube-state-metrics tells of the pods', known, TAKEN_UP_WITHIN_MS);
      const began = Date.now();

      await switchMetricsOff();
      const alert = await arrived('HelloWorldScrapeRefused', 'warning');
      figure(`in Alertmanager ${secondsSince(began)} s after the edit of the ConfigMap`);

      expectAlert(alert, 'HelloWorldScrapeRefused', 'warning');
      expect(alert.annotations['description']).toContain(`${REPLICAS} ready pods of ${JOB}`);
      expect(await alertNames()).not.toContain('HelloWorldTargetDown');
      expect(await namespace.readyPods(RELEASE)).toHaveLength(REPLICAS);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'helm uninstall → targets and rules are gone from Prometheus',
    async () => {
      const began = Date.now();
      const { ok, stderr } = await namespace.tryHelm(['uninstall', RELEASE, '--wait']);
      expect({ ok, stderr }).toEqual({ ok: true, stderr: '' });

      const gone = async () =>
        (await monitoring.query(`up{job="${JOB}", namespace="${namespace.name}"}`)).length === 0 &&
        (await monitoring.rulesOf(namespace.name)).length === 0;
      await eventually('Prometheus has forgotten it', gone, TAKEN_UP_WITHIN_MS);
      figure(`after ${secondsSince(began)} s`);
    },
    TEST_TIMEOUT_MS,
  );

  /** An alert that fires, once Alertmanager has it. */
  async function arrived(name: string, severity: string): Promise<ArrivedAlert> {
    let found: ArrivedAlert | undefined;
    await eventually(
      `${name} is in Alertmanager`,
      async () => {
        const alerts = await monitoring.alertsOf(namespace.name);
        found = alerts.find(({ labels }) => labels['alertname'] === name && labels['severity'] === severity);
        return found !== undefined;
      },
      ALERTED_WITHIN_MS,
    );
    return found!;
  }

  async function alertNames(): Promise<(string | undefined)[]> {
    return (await monitoring.alertsOf(namespace.name)).map(({ labels }) => labels['alertname']);
  }

  function expectAlert({ labels, annotations }: ArrivedAlert, alertname: string, severity: string): void {
    expect(labels).toEqual({
      alertname,
      severity,
      service: 'hello-world',
      environment: 'non-prod',
      namespace: namespace.name,
      job: JOB,
    });
    expect(annotations).toEqual({
      summary: expect.stringContaining(JOB),
      description: expect.stringContaining(namespace.name),
      runbook_url: `${RUNBOOKS_URL}/${alertname}.md`,
      dashboard_url: expect.stringMatching(new RegExp(`^${GRAFANA_URL}/d/hello-world-\\w+\\?`)),
    });
    expect(JSON.stringify(annotations)).not.toMatch(/\{\{|<no value>|%!/);
  }

  /** By an edit of the ConfigMap, as somebody in a hurry does it. */
  async function switchMetricsOff(): Promise<void> {
    const [flags] = await namespace.get('configmap', `${JOB}-flags`);
    const file = JSON.parse(flags?.data?.['flags.flagd.json'] ?? '') as {
      flags: { metrics_enabled: { defaultVariant: string } };
    };
    file.flags.metrics_enabled.defaultVariant = 'off';
    const patch = JSON.stringify({ data: { 'flags.flagd.json': JSON.stringify(file) } });
    await namespace.kubectl(['patch', 'configmap', `${JOB}-flags`, '--type=merge', '--patch', patch]);
  }
});

function secondsSince(began: number): number {
  return Math.round((Date.now() - began) / 1_000);
}
