import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { RUNBOOKS_URL } from '../../scripts/monitoring/links.ts';
import {
  containers,
  LEAST_VALUES,
  ofKind,
  over,
  podOf,
  pods,
  render,
  servicePod,
  theOne,
  VALUE_SETS,
} from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

const ROOT = join(import.meta.dirname, '../..');
const SETS = Object.keys(VALUE_SETS);
const DATABASE = over(LEAST_VALUES, {
  database: { existingSecret: 'db' },
  networkPolicy: { egress: { postgres: { to: [{ ipBlock: { cidr: '10.1.0.0/24' } }] } } },
});

/** By which EKS gives the pods of an account a role. */
const ROLE = 'eks.amazonaws.com/role-arn';

/** As short as they get, and about as long as the chart and Helm (53) take them as they are. */
const RELEASES = [
  'hello-world',
  'prod',
  'hello-world-canary',
  'a'.repeat(34),
  'b'.repeat(35),
  'c'.repeat(53),
  ...[34, 35, 41].map((length) => `hello-world-${'d'.repeat(length)}`),
];

/** What Kubernetes calls a pod of a ReplicaSet: https://github.com/kubernetes/apiserver, pkg/storage/names/generate.go */
const podNameBy = (replicaSet: string): string => `${`${replicaSet}-`.slice(0, 58)}xzbcd`;

const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

describeUnless(whyNoTool('helm'))('the chart', () => {
  it.each(SETS)('whatever the values → each pod has requests, a memory limit and our image: %s', (set) => {
    const { repository } = VALUE_SETS[set]!['image'] as { repository: string };

    for (const [, pod] of pods(render(VALUE_SETS[set]!))) {
      for (const { name, image, resources } of containers(pod)) {
        expect(resources).toMatchObject({
          requests: { cpu: expect.any(String), memory: expect.any(String) },
          limits: { memory: expect.any(String) },
        });
        if (name !== 'flagd' && name !== 'echo') expect(image).toMatch(new RegExp(`^${repository}:`));
      }
    }
  });

  it.each(SETS)('whatever the values → no pod has a token of the API, or variables of other Services: %s', (set) => {
    for (const [, pod] of pods(render(VALUE_SETS[set]!))) {
      expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
    }
  });

  it.each(SETS)('whatever the values → each heap is a part of the memory limit: %s', (set) => {
    for (const [, pod] of pods(render(VALUE_SETS[set]!))) {
      const ours = containers(pod).filter(({ name }) => name !== 'flagd' && name !== 'echo');
      for (const { env } of ours) {
        expect(env).toContainEqual({ name: 'NODE_OPTIONS', value: '--max-old-space-size-percentage=50' });
      }
    }
  });

  it.each(SETS)('whatever the values → no key is twice in an environment: %s', (set) => {
    for (const [, pod] of pods(render(VALUE_SETS[set]!))) {
      for (const { env = [] } of containers(pod)) {
        expect(new Set(env.map(({ name }) => name)).size).toBe(env.length);
      }
    }
  });

  it('a key of `env` that the chart has a default for → `env` holds', () => {
    const { env } = servicePod(render(over(LEAST_VALUES, { env: [{ name: 'ENABLE_METRICS', value: 'false' }] })))
      .containers[0]!;

    expect(env!.filter(({ name }) => name === 'ENABLE_METRICS')).toEqual([{ name: 'ENABLE_METRICS', value: 'false' }]);
  });

  it.each(RELEASES)(
    'any release → the job of its metrics is the name of the Deployment, and has hello-world in it: %s',
    (release) => {
      const objects = render(over(DATABASE, { serviceMonitor: { enabled: true } }), { release });
      const { name } = theOne(objects, 'Deployment').metadata;

      expect(name).toMatch(/.*hello-world.*/);
      const monitor = theOne(objects, 'ServiceMonitor').spec as { jobLabel: string };
      expect(theOne(objects, 'Service').metadata.labels?.[monitor.jobLabel]).toBe(name);
      expect(theOne(objects, 'HorizontalPodAutoscaler').metadata.name).toBe(name);
      for (const { metadata } of objects) expect(metadata.name.length).toBeLessThanOrEqual(63);
    },
  );

  it.each(RELEASES)('any release → the alert on restarts finds the Deployment in the name of a pod: %s', (release) => {
    const { name } = theOne(render(LEAST_VALUES, { release }), 'Deployment').metadata;
    const [, pattern = ''] = /"job", "\$1", "pod", "([^"]+)"/.exec(read('monitoring/prometheus-rules.yaml')) ?? [];

    const pod = podNameBy(`${name}-${'b'.repeat(10)}`);

    expect(new RegExp(`^${pattern}$`).exec(pod)?.[1]).toBe(name);
  });

  it('the longest release → the Job of a migration keeps within 63 characters, up to eight digits of a revision', () => {
    const { name } = ofKind(render(DATABASE, { release: 'a'.repeat(53) }), 'Job')[0]!.metadata;

    expect(name.replace(/\d+$/, '12345678').length).toBeLessThanOrEqual(63);
  });

  it('two releases whose names are cut → have different names', () => {
    const names = ['e', 'f'].map(
      (end) => theOne(render(LEAST_VALUES, { release: 'a'.repeat(52) + end }), 'Deployment').metadata.name,
    );

    expect(new Set(names).size).toBe(2);
  });

  it('what is selected → the pods of the service, and no Job or test', () => {
    const objects = render(DATABASE);
    const { selector } = theOne(objects, 'Service').spec as { selector: Record<string, string> };
    const labelsOf = (kind: string, name: string) => {
      const object = theOne(objects, kind, name);
      return (
        (object.spec as { template?: { metadata: { labels: object } } }).template?.metadata.labels ??
        object.metadata.labels
      );
    };

    expect(labelsOf('Deployment', 'hello-world')).toMatchObject(selector);
    expect(labelsOf('Job', 'hello-world-migrate-1')).not.toMatchObject(selector);
    expect(labelsOf('Pod', 'hello-world-test')).not.toMatchObject(selector);
    expect(theOne(objects, 'PodDisruptionBudget').spec).toMatchObject({ selector: { matchLabels: selector } });
  });

  it('another flag or another password → the pods stay as they are', () => {
    const before = theOne(render(DATABASE), 'Deployment');

    const after = theOne(
      render(over(DATABASE, { flags: { tracing_enabled: { defaultVariant: 'on' } } })),
      'Deployment',
    );

    expect(after).toEqual(before);
  });

  it.each([
    ['environment', { environment: 'prod' }],
    ['a key of env', { env: [{ name: 'LOG_LEVEL', value: 'debug' }] }],
    ['flagd.mode', { flagd: { mode: 'sidecar' } }],
  ])('what is read once at start → new pods: %s', (_name, values) => {
    expect(servicePod(render(over(DATABASE, values)))).not.toEqual(servicePod(render(DATABASE)));
  });

  it('no database, or another owner of the migrations → no Job', () => {
    expect(ofKind(render(LEAST_VALUES), 'Job')).toEqual([]);
    expect(ofKind(render(over(DATABASE, { migrations: { enabled: false } })), 'Job')).toEqual([]);
  });

  it('a role of its own for migrations → only the Job has it, and no secret of the service', () => {
    const objects = render(
      over(DATABASE, {
        migrations: { existingSecret: 'ddl' },
        env: [{ name: 'ADMIN_TOKEN', valueFrom: { secretKeyRef: { name: 'admin', key: 'token' } } }],
      }),
    );
    const secrets = Object.fromEntries(
      pods(objects).map(([name, pod]) => [name, JSON.stringify(pod).match(/"(secretName|name)":"(db|ddl|admin)"/g)]),
    );

    expect(secrets).toEqual({
      'Deployment hello-world': ['"name":"admin"', '"secretName":"db"'],
      'Job hello-world-migrate-1': ['"secretName":"ddl"'],
      'Pod hello-world-test': null,
    });
  });

  it('a role of the cloud, by the account of the service → is for the service, and neither for migration nor tests', () => {
    const arn = 'arn:aws:iam::123456789012:role/hello-world';
    const objects = render(over(DATABASE, { serviceAccount: { annotations: { [ROLE]: arn } } }));
    const accounts = ofKind(objects, 'ServiceAccount').filter(({ metadata }) => metadata.annotations?.[ROLE] === arn);
    const annotated = new Set(accounts.map(({ metadata }) => metadata.name));

    const withRole = pods(objects).filter(([, pod]) => annotated.has(pod.serviceAccountName ?? ''));
    const withToken = pods(objects).filter(([, pod]) => pod.automountServiceAccountToken !== false);

    expect(withRole.map(([name]) => name)).toEqual(['Deployment hello-world']);
    expect(withToken).toEqual([]);
  });

  it('flagd as a sidecar → starts before the service, ends after it, and is asked on the loopback address', () => {
    const pod = servicePod(render(over(LEAST_VALUES, { flagd: { mode: 'sidecar' } })));

    expect(pod.initContainers).toMatchObject([{ name: 'flagd', restartPolicy: 'Always' }]);
    expect(pod.initContainers![0]!.volumeMounts).toEqual([expect.not.objectContaining({ subPath: expect.anything() })]);
    expect(pod.containers[0]!.env).toContainEqual({ name: 'FLAGD_HOST', value: '127.0.0.1' });
  });

  it('a second port → has the probes, the metrics and the ServiceMonitor', () => {
    const objects = render(over(LEAST_VALUES, { managementPort: 9090, serviceMonitor: { enabled: true } }));

    expect(servicePod(objects).containers[0]).toMatchObject({
      startupProbe: { httpGet: { port: 'management' } },
      readinessProbe: { httpGet: { port: 'management' } },
      livenessProbe: { httpGet: { port: 'management' } },
    });
    expect(theOne(objects, 'ServiceMonitor').spec).toMatchObject({ endpoints: [{ port: 'management' }] });
  });

  it.each(['LoadBalancer', 'NodePort'])(
    'a second port beside a %s → stays inside, and is scraped and tested',
    (type) => {
      const values = { service: { type }, managementPort: 9090, serviceMonitor: { enabled: true } };
      const objects = render(over(LEAST_VALUES, values));

      const [outside, inside] = ['hello-world', 'hello-world-management'].map((name) =>
        theOne(objects, 'Service', name),
      );

      expect(outside?.spec).toMatchObject({ type, ports: [{ name: 'http' }] });
      expect(inside?.spec).toMatchObject({ type: 'ClusterIP', ports: [{ name: 'management', port: 9090 }] });
      const { selector } = theOne(objects, 'ServiceMonitor').spec as { selector: { matchLabels: object } };
      expect(inside?.metadata.labels).toMatchObject({ ...selector.matchLabels, job: 'hello-world' });
      expect(containers(podOf(theOne(objects, 'Pod')))[0]?.env).toContainEqual({
        name: 'MANAGEMENT_URL',
        value: 'http://hello-world-management:9090',
      });
    },
  );

  it('an Ingress and an HTTPRoute → expose the listed paths, and by default only /', () => {
    const exposed = { enabled: true, parentRefs: [{ name: 'public' }] };
    const objects = render(
      over(LEAST_VALUES, { httpRoute: exposed, ingress: { enabled: true, hosts: [{ host: 'a.test' }] } }),
    );

    expect(theOne(objects, 'HTTPRoute').spec).toMatchObject({
      rules: [{ matches: [{ path: { type: 'Exact', value: '/' } }] }],
    });
    expect(theOne(objects, 'Ingress').spec).toMatchObject({
      rules: [{ http: { paths: [{ path: '/', pathType: 'Exact' }] } }],
    });
  });

  it('a certificate → is for the hosts, and the Ingress uses it', () => {
    const objects = render(VALUE_SETS['sidecar']!, { release: 'hello-world' });

    const hosts = ['hello-world.internal', 'hi.internal'];
    expect(theOne(objects, 'Certificate').spec).toMatchObject({ secretName: 'hello-world-tls', dnsNames: hosts });
    expect(theOne(objects, 'Ingress').spec).toMatchObject({ tls: [{ secretName: 'hello-world-tls', hosts }] });
  });

  it('rules → are those of monitoring/, for the namespace and the environment of the release', () => {
    const objects = render(VALUE_SETS['prod']!, { namespace: 'greetings' });
    const spec = JSON.stringify(theOne(objects, 'PrometheusRule').spec);
    const source = parse(read('monitoring/prometheus-rules.yaml'), { merge: true }) as {
      groups: { rules: object[] }[];
    };

    const rules = (theOne(objects, 'PrometheusRule').spec as typeof source).groups.flatMap((group) => group.rules);
    expect(rules).toHaveLength(source.groups.flatMap((group) => group.rules).length);
    expect(spec).toContain('up{namespace=\\"greetings\\"');
    expect(spec).toContain('"environment":"prod"');
    expect(spec).toContain('https://grafana.example.com/d/');
    expect(spec).toContain('{{ $labels.job }}');
    expect(spec).not.toMatch(/__[A-Z_]+__/);
  });

  it('dashboards → are those of monitoring/', () => {
    const objects = render(over(LEAST_VALUES, { runbooksUrl: RUNBOOKS_URL, dashboards: { enabled: true } }));
    const dashboards = ofKind(objects, 'ConfigMap').filter(
      ({ metadata }) => metadata.labels?.['grafana_dashboard'] === '1',
    );

    expect(dashboards.map(({ metadata }) => metadata.name)).toEqual(
      ['flags', 'runtime', 'service', 'slo'].map((name) => `hello-world-dashboard-${name}`),
    );
    for (const { data } of dashboards) {
      const [[file, text]] = Object.entries(data!) as [[string, string]];
      expect(JSON.parse(text)).toEqual(JSON.parse(read(`monitoring/grafana/dashboards/${file}`)));
    }
  });

  it('what is also elsewhere → is the same there: the flags, the version, flagd', () => {
    const values = parse(read('deploy/helm/hello-world/values.yaml')) as {
      flags: object;
      flagd: { image: { repository: string; tag: string; digest: string } };
    };
    const chart = parse(read('deploy/helm/hello-world/Chart.yaml')) as { appVersion: string };
    const { repository, tag, digest } = values.flagd.image;

    expect(values.flags).toEqual((JSON.parse(read('deploy/flags/flags.flagd.json')) as { flags: object }).flags);
    expect(chart.appVersion).toBe((JSON.parse(read('package.json')) as { version: string }).version);
    expect(read('docker-compose.yml')).toContain(`${repository}:\${FLAGD_TAG:-${tag}@${digest}}`);
  });
});
