/** Mistakes of an earlier chart, by their numbers there: none of them comes back. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import {
  CHART,
  containers,
  helm,
  type KubeObject,
  LEAST_VALUES,
  ofKind,
  over,
  pods,
  render,
  serviceEnv,
  servicePod,
  template,
  theOne,
  VALUE_SETS,
  type Values,
} from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

const SETS = Object.keys(VALUE_SETS);
const NEEDS_A_CRD = ['ServiceMonitor', 'PrometheusRule', 'Certificate', 'HTTPRoute'];
const POSTGRES = [{ ipBlock: { cidr: '10.1.0.0/24' } }];
const DATABASE = over(LEAST_VALUES, {
  database: { existingSecret: 'db' },
  networkPolicy: { egress: { postgres: { to: POSTGRES } } },
});

interface Rule {
  readonly from?: readonly unknown[];
  readonly to?: readonly Readonly<Record<string, unknown>>[];
  readonly ports?: readonly { readonly protocol: string; readonly port: number }[];
}

interface Policy {
  readonly podSelector: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly policyTypes: readonly string[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

const policy = (objects: readonly KubeObject[], name = 'hello-world'): Policy =>
  theOne(objects, 'NetworkPolicy', name).spec as unknown as Policy;

const egressTo = (objects: readonly KubeObject[], port: number): readonly Rule[] =>
  (policy(objects).egress ?? []).filter(({ ports }) => ports?.some((one) => one.port === port));

const leaves = (rules: readonly Rule[] = []): string[] =>
  rules.flatMap(({ to = [] }) => to.map((peer) => JSON.stringify(peer)));

describeUnless(whyNoTool('helm'))('the chart does not repeat', () => {
  it.each(SETS)('19, a ServiceAccount that nobody makes: %s', (set) => {
    const objects = render(VALUE_SETS[set]!);
    const made = ofKind(objects, 'ServiceAccount').map(({ metadata }) => metadata.name);

    const used = pods(objects).map(([, pod]) => pod.serviceAccountName);

    for (const name of used) expect(['default', ...made]).toContain(name);
  });

  it('19, a ServiceAccount that is made after what needs it: the one of the migration is there before it', () => {
    const objects = render(DATABASE);

    const weight = (kind: string, name: string) =>
      Number(theOne(objects, kind, name).metadata.annotations?.['helm.sh/hook-weight']);

    expect(weight('ServiceAccount', 'hello-world-migrate')).toBeLessThan(weight('Job', 'hello-world-migrate-1'));
    expect(weight('NetworkPolicy', 'hello-world-migrate')).toBeLessThan(weight('Job', 'hello-world-migrate-1'));
  });

  it('20, values of an Ingress without an Ingress', () => {
    const objects = render(
      over(LEAST_VALUES, { ingress: { enabled: true, hosts: [{ host: 'a.test' }], className: 'traefik' } }),
    );

    expect(theOne(objects, 'Ingress').spec).toMatchObject({
      ingressClassName: 'traefik',
      rules: [{ host: 'a.test', http: { paths: [{ path: '/', pathType: 'Exact' }] } }],
    });
  });

  it.each(SETS)('21, a Secret of its own, or a database URL in the environment: %s', (set) => {
    const objects = render(VALUE_SETS[set]!);

    expect(ofKind(objects, 'Secret')).toEqual([]);
    expect(JSON.stringify(objects)).not.toMatch(/postgres(ql)?:\/\//);
    for (const [, pod] of pods(objects)) {
      for (const { env = [] } of containers(pod)) expect(env.map(({ name }) => name)).not.toContain('DATABASE_URL');
    }
  });

  it('21, a Secret that is never used: the database is a file of it, in a folder that follows the Secret', () => {
    const pod = servicePod(render(DATABASE));

    expect(pod.volumes).toContainEqual(
      expect.objectContaining({ name: 'database', secret: expect.objectContaining({ secretName: 'db' }) }),
    );
    const mount = pod.containers[0]!.volumeMounts!.find(({ name }) => name === 'database')!;
    expect(mount.subPath).toBeUndefined();
    expect(serviceEnv(render(DATABASE))['DATABASE_URL_FILE']).toBe(`${mount.mountPath}/url`);
  });

  it.each(SETS)('22, a network policy that allows all: %s', (set) => {
    const policies = ofKind(render(VALUE_SETS[set]!), 'NetworkPolicy').map(({ spec }) => spec as unknown as Policy);

    for (const { podSelector, policyTypes, ingress = [], egress = [] } of policies) {
      expect(podSelector.matchLabels).toHaveProperty(['app.kubernetes.io/instance']);
      expect(policyTypes).toEqual(['Ingress', 'Egress']);
      for (const { from, to, ports } of [...ingress, ...egress]) {
        const peers = from ?? to ?? [];
        expect(peers.length).toBeGreaterThan(0);
        for (const peer of peers) expect(JSON.stringify(peer)).toMatch(/"(matchLabels|matchExpressions|cidr)":./);
        for (const { port } of ports ?? []) expect(port).toEqual(expect.any(Number));
      }
    }
  });

  it('23, a default-deny that cuts off the service, the gateway and Prometheus', () => {
    const objects = render(over(LEAST_VALUES, { managementPort: 9090 }));

    expect(policy(objects, 'hello-world-default-deny')).toMatchObject({ policyTypes: ['Ingress', 'Egress'] });
    expect(policy(objects).ingress).toMatchObject([
      {
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'traefik' } } }],
        ports: [{ port: 8080 }],
      },
      {
        from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'monitoring' } } }],
        ports: [{ port: 9090 }],
      },
      {
        from: [{ podSelector: { matchLabels: { 'app.kubernetes.io/component': 'test' } } }],
        ports: [{ port: 8080 }, { port: 9090 }],
      },
    ]);
  });

  it('24, pods that resolve no name: DNS by UDP and by TCP, for the migration and the tests too', () => {
    const objects = render(DATABASE);

    for (const name of ['hello-world', 'hello-world-migrate', 'hello-world-test']) {
      expect(policy(objects, name).egress).toContainEqual({
        to: [expect.objectContaining({ podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } })],
        ports: expect.arrayContaining([
          { protocol: 'UDP', port: 53 },
          { protocol: 'TCP', port: 53 },
        ]),
      });
    }
  });

  it('25, the wrong port of OTLP, and no way to flagd or the database', () => {
    const external = (resolver: string) =>
      over(DATABASE, { flagd: { mode: 'external', host: 'flagd.flagd', resolver } });
    const objects = render(external('rpc'));

    expect(leaves(egressTo(objects, 4318))).toEqual([expect.stringContaining('opentelemetry-collector')]);
    expect(leaves(egressTo(objects, 8013))).toEqual([expect.stringContaining('"app.kubernetes.io/name":"flagd"')]);
    expect(egressTo(objects, 5432)).toMatchObject([{ to: POSTGRES }]);
    expect(policy(objects, 'hello-world-migrate').egress).toContainEqual(expect.objectContaining({ to: POSTGRES }));
    expect(serviceEnv(objects)).toMatchObject({ FLAGD_HOST: 'flagd.flagd', FLAGD_PORT: '8013' });
    expect(egressTo(render(external('in-process')), 8015)).toHaveLength(1);
    expect(serviceEnv(render(external('in-process')))).toMatchObject({ FLAGD_SYNC_PORT: '8015' });
  });

  it('26, a number of pods beside an autoscaler', () => {
    expect(theOne(render(LEAST_VALUES), 'Deployment').spec).not.toHaveProperty('replicas');
    expect(theOne(render(LEAST_VALUES), 'HorizontalPodAutoscaler').spec).toMatchObject({ minReplicas: 2 });
    const fixed = render(over(LEAST_VALUES, { hpa: { enabled: false }, replicaCount: 3 }));
    expect(ofKind(fixed, 'HorizontalPodAutoscaler')).toEqual([]);
    expect(theOne(fixed, 'Deployment').spec).toMatchObject({ replicas: 3 });
    const foreign = render(over(LEAST_VALUES, { hpa: { enabled: false }, replicaCount: null }));
    expect(theOne(foreign, 'Deployment').spec).not.toHaveProperty('replicas');
    expect(ofKind(foreign, 'PodDisruptionBudget')).toHaveLength(1);
  });

  it('27, a disruption budget that blocks drains', () => {
    expect(theOne(render(LEAST_VALUES), 'PodDisruptionBudget').spec).toMatchObject({
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    });
    const single: readonly Values[] = [{ hpa: { minReplicas: 1 } }, { hpa: { enabled: false }, replicaCount: 1 }];
    for (const values of single) expect(ofKind(render(over(LEAST_VALUES, values)), 'PodDisruptionBudget')).toEqual([]);
  });

  it('28, an install that needs CRDs, and labels that are written into the template', () => {
    const kinds = render(LEAST_VALUES).map(({ kind }) => kind);
    for (const kind of NEEDS_A_CRD) expect(kinds).not.toContain(kind);

    const labels = { team: 'observability' };
    const on = render(
      over(LEAST_VALUES, {
        serviceMonitor: { enabled: true, labels },
        runbooksUrl: 'https://runbooks.test',
        prometheusRule: { enabled: true, labels, grafanaUrl: 'https://grafana.test' },
      }),
    );
    for (const kind of ['ServiceMonitor', 'PrometheusRule']) {
      expect(theOne(on, kind).metadata.labels).toMatchObject(labels);
      expect(theOne(on, kind).metadata.labels).not.toHaveProperty('release');
    }
  });

  it('29, metrics that are off, so that every scrape is a 404', () => {
    const objects = render(LEAST_VALUES);

    expect(serviceEnv(objects)['ENABLE_METRICS']).toBe('true');
    const file = theOne(objects, 'ConfigMap', 'hello-world-flags').data!['flags.flagd.json']!;
    expect(JSON.parse(file)).toMatchObject({ flags: { metrics_enabled: { state: 'ENABLED', defaultVariant: 'on' } } });
  });

  it('30, no startup probe', () => {
    const [service] = servicePod(render(LEAST_VALUES)).containers;

    expect(service).toMatchObject({
      startupProbe: { httpGet: { path: '/livez', port: 'http' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
      livenessProbe: { httpGet: { path: '/livez', port: 'http' } },
    });
  });

  it('31, no strategy, no spread, no time to drain', () => {
    const objects = render(LEAST_VALUES);
    const patient = render(
      over(LEAST_VALUES, { preStopSleepSeconds: 7, env: [{ name: 'SHUTDOWN_TIMEOUT_MS', value: '40500' }] }),
    );

    expect(theOne(objects, 'Deployment').spec).toMatchObject({ strategy: { rollingUpdate: { maxUnavailable: 0 } } });
    expect(servicePod(objects)).toMatchObject({
      terminationGracePeriodSeconds: 30,
      topologySpreadConstraints: [
        { topologyKey: 'topology.kubernetes.io/zone', matchLabelKeys: ['pod-template-hash'] },
        { topologyKey: 'kubernetes.io/hostname', matchLabelKeys: ['pod-template-hash'] },
      ],
    });
    expect(servicePod(objects).containers[0]).not.toHaveProperty('lifecycle');
    expect(servicePod(patient)).toMatchObject({
      terminationGracePeriodSeconds: 53,
      containers: [{ lifecycle: { preStop: { sleep: { seconds: 7 } } } }],
    });
  });

  it('32 and 33, values that nothing reads, and no schema, tests or notes: an unknown value is refused', () => {
    const { ok, stderr } = template(over(LEAST_VALUES, { replicas: 3 }));

    expect(stderr).toContain("'replicas' not allowed");
    expect(ok).toBe(false);
    const install = ['install', 'hello-world', CHART, '--dry-run=client', '--namespace', 'greetings', '--values', '-'];
    expect(helm(install, JSON.stringify(LEAST_VALUES)).stdout).toContain('rollout status deployment/hello-world');
    expect(ofKind(render(LEAST_VALUES), 'Pod').map(({ metadata }) => metadata.annotations?.['helm.sh/hook'])).toEqual([
      'test',
    ]);
  });

  it('34, an image by its tag alone', () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const objects = render(over(DATABASE, { image: { digest } }));

    for (const [, pod] of pods(objects)) {
      for (const { image } of containers(pod)) expect(image).toBe(`ghcr.io/acme/hello-world:1.2.3@${digest}`);
    }
  });

  it.each(SETS)('35, pods that a namespace with Pod Security refuses: %s', (set) => {
    for (const [, pod] of pods(render(VALUE_SETS[set]!))) {
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      for (const field of ['hostNetwork', 'hostPID', 'hostIPC']) expect(pod).not.toHaveProperty(field);
      for (const volume of pod.volumes ?? []) expect(volume).not.toHaveProperty('hostPath');
      const ours = containers(pod).filter(({ name }) => name !== 'echo');
      for (const { securityContext } of ours) {
        expect(securityContext).toMatchObject({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          runAsNonRoot: true,
          capabilities: { drop: ['ALL'] },
        });
      }
    }
  });

  it('35, a namespace without Pod Security labels: who makes one by Helm is told', () => {
    expect(readFileSync(join(CHART, 'templates/NOTES.txt'), 'utf8')).toContain(
      'pod-security.kubernetes.io/enforce=restricted',
    );
  });

  it('38, `latest` with IfNotPresent, so that a new image never rolls out', () => {
    for (const pullPolicy of ['IfNotPresent', 'Always']) {
      expect(template(over(LEAST_VALUES, { image: { tag: 'latest', pullPolicy } }))).toMatchObject({ ok: false });
    }
  });

  it('39, placeholders that reach the cluster', () => {
    expect(template({})).toMatchObject({ ok: false });
    const everything = Object.values(VALUE_SETS).flatMap((values) => render(values));
    expect(JSON.stringify(everything).match(/__[A-Z_]+__|<[a-z-]+>\/|CHANGE_?ME|REPLACE_?ME|TODO/)).toBeNull();
  });
});
