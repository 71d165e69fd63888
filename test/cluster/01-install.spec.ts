import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { Namespace, PATIENCE_MS, tryBash, whyNoCluster } from '../support/cluster.js';
import { clusterImages } from '../support/cluster-images.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { CHART } from '../support/helm.js';
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
