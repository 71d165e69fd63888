import { describe, expect, it } from '@jest/globals';
import { LEAST_VALUES, over, template, type Values } from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

const POSTGRES_PEER = [{ ipBlock: { cidr: '10.0.0.0/24' } }];
const DATABASE: Values = {
  database: { existingSecret: 'db' },
  networkPolicy: { egress: { postgres: { to: POSTGRES_PEER } } },
};
const RESOURCES = { requests: { cpu: '10m', memory: '16Mi' }, limits: { memory: '32Mi' } };
const env = (name: string, value?: string): Values => ({ env: [{ name, value }] });
const host = (paths?: readonly Values[]): Values => ({
  ingress: { enabled: true, hosts: [{ host: 'a.test', paths }] },
});

/** What is wrong, the values, and what the person who set them reads. */
const TABLE: readonly (readonly [string, Values, RegExp])[] = [
  // What one value says of another: each is told by its name.
  ['no repository', { image: { repository: '' } }, /image\.repository is not set/],
  ['a tag that moves', { image: { tag: 'latest' } }, /image\.tag is latest/],
  [
    'a name that alerts do not know',
    { fullnameOverride: 'greeter' },
    /fullnameOverride is greeter, without hello-world/,
  ],
  ['a label of ours', { podLabels: { 'app.kubernetes.io/name': 'x' } }, /podLabels has app\.kubernetes\.io\/name/],
  [
    'a label twice',
    { commonLabels: { team: 'a' }, podLabels: { team: 'b' } },
    /podLabels has team, and so has commonLabels/,
  ],
  [
    'an annotation of ours',
    { podAnnotations: { 'kubectl.kubernetes.io/default-container': 'x' } },
    /podAnnotations has kubectl\.kubernetes\.io\/default-container/,
  ],
  ['a volume of ours', { extraVolumes: [{ name: 'flags', emptyDir: {} }] }, /extraVolumes has flags, which the chart/],
  [
    'a volume of ours for the migration',
    { migrations: { extraVolumes: [{ name: 'database', emptyDir: {} }] } },
    /migrations\.extraVolumes has database, which the chart/,
  ],
  [
    'a container of ours',
    { extraContainers: [{ name: 'hello-world', image: 'a', resources: RESOURCES }] },
    /extraContainers has hello-world, which the chart/,
  ],
  ['one port twice', { managementPort: 8080 }, /managementPort is 8080, and so is containerPort/],
  ['a port of the Service twice', { managementPort: 9090, service: { port: 9090 } }, /so is service\.port/],
  ['a port of flagd', { containerPort: 8013, flagd: { mode: 'sidecar' } }, /containerPort is 8013, which flagd/],
  ['least above most', { hpa: { minReplicas: 5, maxReplicas: 4 } }, /hpa\.minReplicas is 5, above hpa\.maxReplicas/],
  [
    'a grace too short',
    { terminationGracePeriodSeconds: 29 },
    /terminationGracePeriodSeconds is 29, too short to drain/,
  ],
  [
    'a grace too short for the wait before',
    { terminationGracePeriodSeconds: 30, preStopSleepSeconds: 1 },
    /terminationGracePeriodSeconds is 30, too short to drain.* are 31/,
  ],
  [
    'a grace too short for the time asked for',
    { terminationGracePeriodSeconds: 64, ...env('SHUTDOWN_TIMEOUT_MS', '59001') },
    /terminationGracePeriodSeconds is 64, too short to drain.* are 65/,
  ],
  ['a drain longer than the end', env('SHUTDOWN_DRAIN_MS', '25000'), /SHUTDOWN_DRAIN_MS \(25000\) must be below/],
  ['a time that is none', env('SHUTDOWN_TIMEOUT_MS', '30s'), /SHUTDOWN_TIMEOUT_MS without a number of milliseconds/],
  [
    'a time from elsewhere',
    { env: [{ name: 'SHUTDOWN_TIMEOUT_MS', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }] },
    /SHUTDOWN_TIMEOUT_MS without a number of milliseconds/,
  ],
  ['a database in plain text', env('DATABASE_URL', 'postgres://a:b@c/d'), /env has DATABASE_URL: use database/],
  ['a migration by the service', env('DATABASE_MIGRATE_ON_START', 'true'), /use migrations\.enabled/],
  ['a port by its key', env('PORT', '80'), /env has PORT: use containerPort/],
  ['a token in plain text', env('ADMIN_TOKEN', 'abc'), /env has ADMIN_TOKEN in plain text/],
  [
    'a key twice',
    {
      env: [
        { name: 'LOG_LEVEL', value: 'info' },
        { name: 'LOG_LEVEL', value: 'warn' },
      ],
    },
    /env has LOG_LEVEL more than once/,
  ],
  [
    'a flag that has no such variant',
    { flags: { metrics_enabled: { defaultVariant: 'yes' } } },
    /flags\.metrics_enabled\.defaultVariant is yes, and its variants are off, on/,
  ],
  ['flagd nowhere', { flagd: { mode: 'external' } }, /flagd\.mode is external, and flagd\.host is not set/],
  ['flagd not asked', { flagd: { host: 'flagd' } }, /flagd\.host and flagd\.port are for flagd\.mode external/],
  [
    'a migration of nothing',
    { migrations: { existingSecret: 'ddl' } },
    /migrations\.existingSecret is set, and database/,
  ],
  ['an Ingress of nothing', { ingress: { enabled: true } }, /ingress\.enabled is true, and ingress\.hosts is empty/],
  ['all paths to everybody', host([{ path: '/', pathType: 'Prefix' }]), /\/ as Prefix, which would expose \/metrics/],
  [
    'all paths, by whatever the controller thinks',
    host([{ path: '/', pathType: 'ImplementationSpecific' }]),
    /\/ as ImplementationSpecific, which could expose \/metrics/,
  ],
  [
    'a pattern for a path',
    host([{ path: '/.*', pathType: 'ImplementationSpecific' }]),
    /\/\.\* as ImplementationSpecific, which could expose \/metrics/,
  ],
  [
    'all paths by a load balancer',
    { service: { type: 'LoadBalancer' } },
    /service\.type is LoadBalancer, which would expose \/metrics/,
  ],
  ['a route of nobody', { httpRoute: { enabled: true } }, /httpRoute\.parentRefs is empty/],
  [
    'all paths by a route',
    { httpRoute: { enabled: true, parentRefs: [{ name: 'g' }], paths: [{ path: '/', pathType: 'Prefix' }] } },
    /httpRoute\.paths has \/ as Prefix/,
  ],
  ['a certificate of nobody', { ...host(), certificate: { enabled: true } }, /certificate\.issuerRef\.name is not set/],
  ['a certificate of nothing', { certificate: { enabled: true, issuerRef: { name: 'i' } } }, /there is no name for it/],
  [
    'two certificates',
    over(host(), {
      ingress: { annotations: { 'cert-manager.io/cluster-issuer': 'i' } },
      certificate: { enabled: true, issuerRef: { name: 'i' } },
    }),
    /would make two certificates/,
  ],
  ['a scrape too long', { serviceMonitor: { scrapeTimeout: '1m' } }, /scrapeTimeout is 1m, longer than .*interval/],
  [
    'dashboards without runbooks',
    { dashboards: { enabled: true } },
    /dashboards\.enabled is true, and runbooksUrl is not set/,
  ],
  ['alerts that lead nowhere', { prometheusRule: { enabled: true } }, /prometheusRule\.grafanaUrl is not set/],
  ['no names', { networkPolicy: { egress: { dns: { to: [] } } } }, /networkPolicy\.egress\.dns\.to is empty/],
  ['a database out of reach', { database: { existingSecret: 'db' } }, /networkPolicy\.egress\.postgres\.to is empty/],
  [
    'flagd out of reach',
    { flagd: { mode: 'external', host: 'flagd' }, networkPolicy: { egress: { flagd: { to: [] } } } },
    /networkPolicy\.egress\.flagd\.to is empty/,
  ],
  [
    'a collector out of reach',
    { ...env('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://c:4318'), networkPolicy: { egress: { otlp: { to: [] } } } },
    /networkPolicy\.egress\.otlp\.to is empty/,
  ],
  [
    'a collector at a port that is closed',
    env('OTEL_EXPORTER_OTLP_ENDPOINT', 'http://c:4317'),
    /OTEL_EXPORTER_OTLP_ENDPOINT with port 4317, and networkPolicy\.egress\.otlp\.port is 4318/,
  ],
  [
    'a collector at the port of HTTPS, which is closed',
    env('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'https://c/v1/traces'),
    /OTEL_EXPORTER_OTLP_TRACES_ENDPOINT with port 443, and networkPolicy\.egress\.otlp\.port is 4318/,
  ],
  ['a gateway shut out', { ...host(), networkPolicy: { ingress: { gateway: [] } } }, /ingress\.gateway is empty/],
  [
    'a Prometheus shut out',
    { serviceMonitor: { enabled: true }, networkPolicy: { ingress: { prometheus: [] } } },
    /ingress\.prometheus is empty: who scrapes/,
  ],
  // What a value is: told by the schema, with its place.
  ['a name that is none', { replicas: 3 }, /additional properties 'replicas' not allowed/],
  ['a name that is none, further in', { hpa: { min: 3 } }, /at '\/hpa': additional properties 'min' not allowed/],
  ['a name too long', { fullnameOverride: `${'a'.repeat(35)}-hello-world` }, /at '\/fullnameOverride': maxLength/],
  [
    'a placeholder for a repository',
    { image: { repository: 'ghcr.io/<org>/hello-world' } },
    /at '\/image\/repository'/,
  ],
  ['a variable for a repository', { image: { repository: '$ECR_REGISTRY/hello-world' } }, /at '\/image\/repository'/],
  ['a repository with its tag', { image: { repository: 'ghcr.io/a/b:$TAG' } }, /at '\/image\/repository'/],
  ['a digest that is none', { image: { digest: 'sha256:abc' } }, /at '\/image\/digest'/],
  ['a number for a tag', { image: { tag: 1.1 } }, /at '\/image\/tag': got number, want string/],
  ['an environment that is none', { environment: 'staging' }, /at '\/environment'.*'non-prod', 'prod'/],
  ['a local environment', { environment: 'local' }, /at '\/environment'/],
  ['a port that is none', { containerPort: 70_000 }, /at '\/containerPort': maximum/],
  ['text for a number', { replicaCount: '2' }, /at '\/replicaCount': got string/],
  ['no pods at all', { hpa: { minReplicas: 0 } }, /at '\/hpa\/minReplicas': minimum/],
  ['no memory limit', { resources: { limits: null } }, /at '\/resources': missing property 'limits'/],
  ['a memory that is none', { resources: { limits: { memory: '256MB' } } }, /at '\/resources\/limits\/memory'/],
  ['a number in env', { env: [{ name: 'A', value: 1 }] }, /at '\/env\/0\/value': got number, want string/],
  ['a key without a value', { env: [{ name: 'A' }] }, /at '\/env\/0'/],
  ['a key with two', { env: [{ name: 'A', value: 'a', valueFrom: { fieldRef: {} } }] }, /at '\/env\/0'/],
  ['a mode that is none', { flagd: { mode: 'grpc' } }, /at '\/flagd\/mode'.*'file', 'sidecar', 'external'/],
  ['a flag without variants', { flags: { x: { state: 'ENABLED' } } }, /at '\/flags\/x': missing property 'variants'/],
  ['a hurried readiness', { healthProbes: { readiness: { timeoutSeconds: 3 } } }, /at '\/healthProbes\/readiness/],
  [
    'a peer that is everybody',
    { networkPolicy: { ingress: { clients: [{}] } } },
    /at '\/networkPolicy\/ingress\/clients/,
  ],
  [
    'a peer of all namespaces',
    { networkPolicy: { ingress: { clients: [{ podSelector: { matchLabels: { a: 'b' } } }] } } },
    /at '\/networkPolicy\/ingress\/clients\/0': missing property 'namespaceSelector'/,
  ],
  [
    'a peer of every pod',
    { networkPolicy: { ingress: { clients: [{ namespaceSelector: { matchLabels: { a: 'b' } }, podSelector: {} }] } } },
    /at '\/networkPolicy\/ingress\/clients\/0\/podSelector'/,
  ],
  [
    'a peer with a field that does not exist',
    { networkPolicy: { egress: { postgres: { to: [{ cidr: '10.0.0.0/8' }] } } } },
    /at '\/networkPolicy\/egress\/postgres\/to\/0'/,
  ],
];

describeUnless(whyNoTool('helm'))('values that the chart refuses', () => {
  it.each(TABLE)('%s', (_name, values, message) => {
    const { ok, stderr } = template(over(LEAST_VALUES, values));

    expect(stderr).toMatch(message);
    expect(ok).toBe(false);
  });

  it('several at once → all are told', () => {
    const { stderr } = template({
      hpa: { minReplicas: 20 },
      terminationGracePeriodSeconds: 1,
      flagd: { mode: 'external' },
    });

    expect(stderr).toMatch(/image\.repository[^]*terminationGracePeriodSeconds[^]*hpa\.minReplicas[^]*flagd\.host/);
  });
});

describeUnless(whyNoTool('helm'))('values beside those', () => {
  describe.each<[string, Values]>([
    ['the least', {}],
    ['all paths, with a second port', over(host([{ path: '/', pathType: 'Prefix' }]), { managementPort: 9090 })],
    ['a database without network policies', { database: { existingSecret: 'db' }, networkPolicy: { enabled: false } }],
    ['a database and where it is', DATABASE],
    ['just enough grace', { terminationGracePeriodSeconds: 31, preStopSleepSeconds: 1 }],
    ['a collector at its port', env('OTEL_EXPORTER_OTLP_ENDPOINT', 'https://[fd00::1]:4318/v1/traces')],
    [
      'a collector at the port of HTTPS',
      over(env('OTEL_EXPORTER_OTLP_ENDPOINT', 'https://c'), { networkPolicy: { egress: { otlp: { port: 443 } } } }),
    ],
    ['one pod, and no more', { hpa: { minReplicas: 4, maxReplicas: 4 } }],
    ['a scrape of a minute', { serviceMonitor: { interval: '1m', scrapeTimeout: '60s' } }],
  ])('%s', (_name, values) => {
    it('are taken', () => {
      expect(template(over(LEAST_VALUES, values))).toMatchObject({ ok: true });
    });
  });
});
