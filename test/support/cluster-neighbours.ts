/** What runs beside the service in a cluster, as small as it can be, by the rules of Pod Security `restricted`. */
import type { Namespace } from './cluster.js';
import { clusterImages, imageReference } from './cluster-images.js';

/** The user `postgres` of the official image. */
const POSTGRES_UID = 999;

interface PodOptions {
  readonly labels?: Readonly<Record<string, string>>;
  readonly volumes?: readonly object[];
  readonly uid?: number;
  /** Whose token it gets. @default nobody's */
  readonly serviceAccountName?: string;
}

const securityContext = (uid: number) => ({
  runAsNonRoot: true,
  runAsUser: uid,
  runAsGroup: uid,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
});

function podTemplate(
  name: string,
  container: object,
  { labels = { app: name }, volumes = [], uid = 65_532, serviceAccountName }: PodOptions,
) {
  return {
    metadata: { labels },
    spec: {
      serviceAccountName,
      automountServiceAccountToken: serviceAccountName !== undefined,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 1,
      securityContext: { fsGroup: uid },
      containers: [
        {
          name,
          resources: { requests: { cpu: '10m', memory: '64Mi' }, limits: { memory: '256Mi' } },
          securityContext: securityContext(uid),
          ...container,
        },
      ],
      volumes,
    },
  };
}

/** A pod that runs once. */
export function restrictedPod(name: string, container: object, options: PodOptions = {}): object {
  const { metadata, spec } = podTemplate(name, container, options);
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, ...metadata },
    spec: { ...spec, restartPolicy: 'Never' },
  };
}

/** A Deployment of one pod, and a Service of the same name. */
function served(name: string, port: number, container: object, options: PodOptions = {}): object[] {
  const selector = { app: name };
  return [
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name },
      spec: {
        replicas: 1,
        strategy: { type: 'Recreate' },
        selector: { matchLabels: selector },
        template: podTemplate(name, container, { ...options, labels: { ...selector, ...options.labels } }),
      },
    },
    { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec: { selector, ports: [{ port }] } },
  ];
}

/** Selects the namespaces that tests make, whatever their names: the chart wants peers to name theirs. */
export const NAMESPACE_OF_TESTS = { matchLabels: { 'pod-security.kubernetes.io/warn': 'restricted' } };

/** The labels of Postgres' pod, for network policies. */
export const POSTGRES_LABELS = { app: 'postgres' };

/** User, password and database, and the Secret with the URL that the chart wants. */
export const DATABASE = { user: 'hello', password: 'first-password', name: 'hellodb', secret: 'hello-world-database' };

export function databaseUrl(password = DATABASE.password, user = DATABASE.user): string {
  return `postgres://${user}:${password}@postgres:5432/${DATABASE.name}`;
}

/** The Secret that `database.existingSecret` names. */
export function databaseSecret(url = databaseUrl(), name = DATABASE.secret): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name }, stringData: { url } };
}

/** Starts a Postgres that keeps nothing when its pod goes, and waits for it. Makes the Secret with its URL too. */
export async function startPostgres(namespace: Namespace): Promise<void> {
  const probe = { exec: { command: ['pg_isready', '--host=127.0.0.1', `--username=${DATABASE.user}`] } };
  await namespace.apply(
    databaseSecret(),
    ...served(
      'postgres',
      5432,
      {
        image: imageReference(clusterImages().postgres),
        env: [
          { name: 'POSTGRES_USER', value: DATABASE.user },
          { name: 'POSTGRES_PASSWORD', value: DATABASE.password },
          { name: 'POSTGRES_DB', value: DATABASE.name },
        ],
        readinessProbe: { ...probe, periodSeconds: 1 },
        volumeMounts: [
          { name: 'data', mountPath: '/var/lib/postgresql' },
          { name: 'run', mountPath: '/var/run/postgresql' },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
      {
        uid: POSTGRES_UID,
        volumes: ['data', 'run', 'tmp'].map((name) => ({ name, emptyDir: {} })),
      },
    ),
  );
  await namespace.kubectl(['rollout', 'status', 'deployment/postgres', '--timeout=120s']);
}

/** Runs SQL on it, as its owner. @returns rows, unaligned, without a header */
export async function sql(namespace: Namespace, statement: string): Promise<string> {
  const psql = ['psql', '--username', DATABASE.user, '--dbname', DATABASE.name, '--tuples-only', '--no-align'];
  return (await namespace.kubectl(['exec', 'deployment/postgres', '--', ...psql, '--command', statement])).trim();
}

/** Values of the chart for that database. */
export const DATABASE_VALUES = {
  database: { existingSecret: DATABASE.secret },
  networkPolicy: {
    egress: {
      postgres: { to: [{ namespaceSelector: NAMESPACE_OF_TESTS, podSelector: { matchLabels: POSTGRES_LABELS } }] },
    },
  },
};

/** Configuration of a collector that writes each span to its log, on one line with the span's name and trace id. */
const TRACE_LOG = {
  receivers: { otlp: { protocols: { http: { endpoint: '0.0.0.0:4318' } } } },
  exporters: { debug: { verbosity: 'normal', sampling_initial: 1_000_000 } },
  service: {
    pipelines: { traces: { receivers: ['otlp'], exporters: ['debug'] } },
    telemetry: { metrics: { level: 'none' } },
  },
};

/** Starts an OpenTelemetry Collector that writes each span to its log, one line each, and waits for it. */
export async function startCollector(namespace: Namespace): Promise<void> {
  await namespace.apply(
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'otel-collector' },
      data: { 'collector.yaml': JSON.stringify(TRACE_LOG) },
    },
    ...served(
      'otel-collector',
      4318,
      {
        image: imageReference(clusterImages().collector),
        args: ['--config=/etc/otel-collector/collector.yaml'],
        volumeMounts: [{ name: 'config', mountPath: '/etc/otel-collector' }],
        readinessProbe: { tcpSocket: { port: 4318 }, periodSeconds: 1 },
      },
      { volumes: [{ name: 'config', configMap: { name: 'otel-collector' } }] },
    ),
  );
  await namespace.kubectl(['rollout', 'status', 'deployment/otel-collector', '--timeout=120s']);
}

/** Values of the chart for that collector. */
export const COLLECTOR_VALUES = {
  env: [{ name: 'OTEL_EXPORTER_OTLP_ENDPOINT', value: 'http://otel-collector:4318' }],
  networkPolicy: {
    egress: {
      otlp: {
        to: [{ namespaceSelector: NAMESPACE_OF_TESTS, podSelector: { matchLabels: { app: 'otel-collector' } } }],
      },
    },
  },
};

/** Starts a flagd that serves `flags`, in its own format, at its port 8013, and waits for it. */
export async function startFlagd(namespace: Namespace, flags: object): Promise<void> {
  await namespace.apply(
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'flagd' },
      data: { 'flags.flagd.json': JSON.stringify({ flags }) },
    },
    ...served(
      'flagd',
      8013,
      {
        image: imageReference(clusterImages().flagd),
        args: ['start', '--uri=file:/etc/flagd/flags.flagd.json', '--port=8013', '--management-port=8014'],
        volumeMounts: [{ name: 'flags', mountPath: '/etc/flagd' }],
        readinessProbe: { httpGet: { path: '/readyz', port: 8014 }, periodSeconds: 1 },
      },
      { volumes: [{ name: 'flags', configMap: { name: 'flagd' } }] },
    ),
  );
  await namespace.kubectl(['rollout', 'status', 'deployment/flagd', '--timeout=120s']);
}
