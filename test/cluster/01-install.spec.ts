import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Namespace, PATIENCE_MS, servicePods, tryBash, whyNoCluster } from '../support/cluster.js';
import { clusterImages } from '../support/cluster-images.js';
import { fetchFrom, startListeners } from '../support/cluster-probe.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { CHART, type KubeObject, LEAST_VALUES, over, render, theOne } from '../support/helm.js';
import { describeUnless } from '../support/unless.js';

jest.setTimeout(PATIENCE_MS);

/** The chart leaves their number to the autoscaler, which looks every 15 s. */
const SCALED_WITHIN_MS = 120_000;

describeUnless(whyNoCluster())(
  '1 the documented commands, into a namespace that enforces Pod Security restricted',
  () => {
    let namespace: Namespace;
    let began: number;

    beforeAll(() => {
      namespace = Namespace.reserve('install');
    });

    afterAll(async () => namespace.delete());

    it('helm upgrade --install --create-namespace, with repository and tag alone → is taken without a warning', async () => {
      const [upgrade = ''] = documentedCommands(namespace.name);
      began = Date.now();

      const { ok, stdout, stderr } = await tryBash(upgrade);

      expect({ ok, stderr }).toEqual({ ok: true, stderr: '' });
      expect(stdout).toContain(`hello-world in ${namespace.name}, non-prod`);
    });

    it('all pods → become ready, and none is started twice', async () => {
      await eventually('two pods are ready', async () => (await namespace.readyPods()).length === 2, SCALED_WITHIN_MS);
      figure(`ready after ${Math.round((Date.now() - began) / 1_000)} s`);

      const restarts = (await namespace.readyPods()).map((pod) => pod.status.containerStatuses?.[0]?.restartCount);
      expect(restarts).toEqual([0, 0]);
    });

    it('kubectl label namespace, restricted from now on → has no complaint about what runs', async () => {
      const [, label = ''] = documentedCommands(namespace.name);

      const { ok, stderr } = await tryBash(label);

      expect({ ok, stderr }).toEqual({ ok: true, stderr: '' });
    });

    it('helm test → finds page, probes and metrics, and no database', async () => {
      const [, , test = ''] = documentedCommands(namespace.name);

      const { ok, stdout, stderr } = await tryBash(`${test} --logs`);

      // Helm 4 quotes what it shows of a log.
      const log = (stdout + stderr).replaceAll('\\', '');
      expect(log).toContain('ok: GET / is "200 hello world"');
      expect(log).toContain('ok: GET /readyz is "200 ready"');
      expect(log).toContain('ok: status of GET /metrics is 200');
      expect(log).toContain('ok: state of the migrations is "not asked for, without a database"');
      expect(ok).toBe(true);
    });

    it('new pods, under the enforced label → become ready as well', async () => {
      const before = (await namespace.servicePods()).map(({ metadata }) => metadata.uid);

      await namespace.kubectl(['rollout', 'restart', 'deployment/hello-world']);
      await namespace.kubectl(['rollout', 'status', 'deployment/hello-world', '--timeout=180s']);

      const after = (await namespace.readyPods()).map(({ metadata }) => metadata.uid);
      expect(after).toHaveLength(2);
      expect(new Set([...before, ...after]).size).toBe(before.length + after.length);
    });
  },
);

describeUnless(whyNoCluster())('1 a Service that is reached from outside, by a port of each node', () => {
  const MANAGEMENT_PORT = 9090;
  const VALUES = {
    service: { type: 'NodePort' },
    managementPort: MANAGEMENT_PORT,
    replicaCount: 1,
    hpa: { enabled: false },
    // What comes by a node's port comes from the node, as policies see it.
    networkPolicy: { enabled: false },
  };
  const INSIDE = ['/metrics', '/readyz', '/livez', '/admin/openapi.json'];
  let namespace: Namespace;

  const get = (url: string): Promise<string> => fetchFrom(namespace, 'somebody', url);

  beforeAll(async () => {
    namespace = await Namespace.create('nodeport');
    await startListeners(namespace, { somebody: { app: 'somebody' } }, [8080]);
    await namespace.install(VALUES);
  });

  afterAll(async () => namespace.delete());

  it('that port → has the page, and neither metrics nor probes nor admin routes', async () => {
    const [service] = await namespace.get<NodePortService>('service', 'hello-world');
    const [pod] = await namespace.get<{ status: { hostIP: string } }>('pods', '--selector', servicePods());
    const ports = service!.spec.ports.map(({ nodePort }) => nodePort);
    const outside = `http://${pod?.status.hostIP}:${ports[0]}`;

    await eventually('the page is there', async () => (await get(`${outside}/`)) === '200 hello world');
    const inside = await Promise.all(INSIDE.map((path) => get(`${outside}${path}`)));

    expect(ports).toHaveLength(1);
    expect(inside.map((answer) => answer.slice(0, 3))).toEqual(INSIDE.map(() => '404'));
    figure(`1 port, ${INSIDE.length} paths refused`);
  });

  it('the ServiceMonitor → finds metrics in a Service of their own, which is inside', async () => {
    const monitor = theOne(render(over(LEAST_VALUES, VALUES, { serviceMonitor: { enabled: true } })), 'ServiceMonitor');
    const { selector, endpoints } = monitor.spec as {
      selector: { matchLabels: Record<string, string> };
      endpoints: { port: string; path: string }[];
    };
    const labels = Object.entries(selector.matchLabels).map(([key, value]) => `${key}=${value}`);

    const services = await namespace.get<NodePortService>('services', `--selector=${labels.join(',')}`);
    const scraped = services.filter(({ spec }) => spec.ports.some(({ name }) => name === endpoints[0]?.port));

    expect(scraped).toMatchObject([{ metadata: { name: 'hello-world-management' }, spec: { type: 'ClusterIP' } }]);
    const metrics = await get(`http://hello-world-management:${MANAGEMENT_PORT}${endpoints[0]?.path}`);
    expect(metrics).toMatch(/^200 # (HELP|TYPE) /);
  });

  it('helm test → finds the page in the one, probes and metrics in the other', async () => {
    const { ok, stderr } = await namespace.tryHelm(['test', 'hello-world', '--logs']);

    expect(stderr).toContain('on the public port');
    expect(ok).toBe(true);
  });
});

interface NodePortService extends KubeObject {
  readonly spec: {
    readonly type: string;
    readonly ports: readonly { readonly name: string; readonly nodePort?: number }[];
  };
}

/** The commands at the top of the chart's README, for this namespace and the image of this run. */
function documentedCommands(namespace: string): string[] {
  const { repository, tag } = clusterImages().service;
  const [, block = ''] = /```bash\n([^]*?)```/.exec(readFileSync(join(CHART, 'README.md'), 'utf8')) ?? [];
  return block
    .replaceAll('\\\n', '')
    .replaceAll(/(--namespace|label namespace) hello-world/g, `$1 ${namespace}`)
    .replace('REGISTRY/hello-world', repository)
    .replace('VERSION', tag)
    .trim()
    .split('\n');
}
