import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Namespace } from './cluster.js';
import { type ImageValue, imageReference } from './cluster-images.js';
import { restrictedPod } from './cluster-neighbours.js';
import { serviceImage } from './compose-images.js';
import { docker } from './docker.js';
import { whyNoController } from './platform.js';
import { push } from './push-images.js';
import { programOnPath, whyNoTool } from './tools.js';

const NAME = 'kube-state-metrics';
const PORT = 8080;

/** Why there is neither one on the cluster nor a program to bring one; `undefined` where there is. */
export function whyNoKubeStateMetrics(): string | undefined {
  const none = whyNoController(NAME);
  if (none === undefined) return undefined;
  const noTool = process.platform === 'linux' ? whyNoTool(NAME) : 'none can be brought from here, which is no Linux';
  return noTool === undefined ? undefined : `${none}, and ${noTool}`;
}

/**
 * Brings the real kube-state-metrics, from the PATH, where the platform runs none: for the Deployments of one namespace,
 * which is all that its account may see.
 *
 * @param labels of its ServiceMonitor, as Prometheus wants them
 */
export async function bringKubeStateMetrics(
  namespace: Namespace,
  labels: Readonly<Record<string, string>>,
): Promise<void> {
  if (whyNoController(NAME) === undefined) return;
  const image = imageReference(await buildImage());
  const account = { kind: 'ServiceAccount', name: NAME, namespace: namespace.name };
  const role = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: NAME };
  await namespace.apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME } },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: NAME },
      rules: [{ apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'list', 'watch'] }],
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: NAME },
      roleRef: role,
      subjects: [account],
    },
    restrictedPod(
      NAME,
      {
        image,
        args: ['--resources=deployments', `--namespaces=${namespace.name}`, `--port=${PORT}`],
        ports: [{ name: 'http', containerPort: PORT }],
        readinessProbe: { httpGet: { path: '/healthz', port: PORT }, periodSeconds: 1 },
      },
      { serviceAccountName: NAME },
    ),
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: NAME, labels: { app: NAME } },
      spec: { selector: { app: NAME }, ports: [{ name: 'http', port: PORT }] },
    },
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'ServiceMonitor',
      metadata: { name: NAME, labels },
      spec: {
        selector: { matchLabels: { app: NAME } },
        // Its series say themselves of which namespace they are.
        endpoints: [{ port: 'http', interval: '5s', scrapeTimeout: '5s', honorLabels: true }],
      },
    },
  );
  await namespace.kubectl(['wait', '--for=condition=Ready', `pod/${NAME}`, '--timeout=120s']);
}

/** The program on the service's image, which has what a dynamically linked one needs. */
async function buildImage(): Promise<ImageValue> {
  const folder = mkdtempSync(join(tmpdir(), `${NAME}-`));
  const built = `hello-world-test-${NAME}`;
  try {
    copyFileSync(programOnPath(NAME) ?? '', join(folder, NAME));
    const dockerfile = `FROM ${serviceImage()}\nCOPY ${NAME} /\nENTRYPOINT ["/${NAME}"]\nCMD []\n`;
    writeFileSync(join(folder, 'Dockerfile'), dockerfile);
    await docker(['build', '--quiet', '--tag', built, folder]);
    return await push(built, NAME);
  } finally {
    await docker(['rmi', '--force', built]).catch(() => {}); // It was not built.
    rmSync(folder, { recursive: true, force: true });
  }
}
