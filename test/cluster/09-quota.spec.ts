import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { followKubectl, manifest, type Outcome, PATIENCE_MS, whyNoCluster } from '../support/cluster.js';
import { ClusterEnvironment } from '../support/cluster-environment.js';
import { clusterImages, imageReference } from '../support/cluster-images.js';
import { restrictedPod } from '../support/cluster-neighbours.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { ENVIRONMENTS } from '../support/flux.js';
import { type KubeObject, over, type PodSpec, podOf, pods, render, theOne } from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

jest.setTimeout(PATIENCE_MS);

/** No node has it: such pods count, and cost nothing. */
const NOWHERE = { nodeSelector: { 'hello-world.test/nowhere': '' } };

/** A pod by itself, for the quota to count; accounts and Secrets need not be there. */
function counted(name: string, { serviceAccountName: _account, ...spec }: PodSpec): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { ...spec, ...NOWHERE } };
}

interface Quota {
  readonly status: { readonly hard: Readonly<Record<string, string>>; readonly used: Readonly<Record<string, string>> };
}

describeUnless(whyNoCluster() ?? whyNoTool('kustomize'))('9 quota and limit range', () => {
  describe.each(ENVIRONMENTS)('of %s', (name) => {
    let environment: ClusterEnvironment;

    const tryCreate = (...objects: readonly object[]): Promise<Outcome> =>
      environment.namespace.tryKubectl(['create', '-f', '-'], { input: manifest(objects) });

    beforeAll(async () => {
      environment = await ClusterEnvironment.create(name, 'quota');
      await eventually('the quota is counted', async () => (await quota()).status?.hard !== undefined);
    });

    afterAll(async () => environment.delete());

    async function quota(): Promise<Partial<Quota>> {
      const [only] = await environment.namespace.get<Quota>('resourcequota/hello-world');
      return only ?? {};
    }

    it('admit the most pods of the autoscaler, those of the last version beside them, a migration and a test', async () => {
      const values = environment.values();
      const { maxReplicas } = values['hpa'] as { maxReplicas: number };
      const objects = pods(render(values)).flatMap(([of, spec]) =>
        Array.from({ length: of.startsWith('Deployment') ? 2 * maxReplicas : 1 }, (_, at) =>
          counted(`${of.toLowerCase().replace(' ', '-')}-${at}`, spec),
        ),
      );

      const { ok, stderr } = await tryCreate(...objects);

      expect({ ok, stderr }).toEqual({ ok: true, stderr: '' });
      expect(objects).toHaveLength(2 * maxReplicas + 2);
      await eventually('all are counted', async () => (await quota()).status?.used['pods'] === String(objects.length));
      figure(await used());
    });

    it('stop the excess, and name the quota', async () => {
      const service = podOf(theOne(render(environment.values()), 'Deployment'));
      const { hard = {}, used: taken = {} } = (await quota()).status ?? {};
      const room = Number(hard['pods']) - Number(taken['pods']);

      const { ok, stdout, stderr } = await tryCreate(
        ...Array.from({ length: room + 3 }, (_, at) => counted(`excess-${at}`, service)),
      );

      expect(ok).toBe(false);
      expect(
        stderr.match(/exceeded quota: hello-world, requested: pods=1, used: pods=\d+, limited: pods=\d+/g),
      ).toHaveLength(3);
      expect(stdout.match(/created/g)).toHaveLength(room);
      figure(`${room} more, then: ${/limited: .*/.exec(stderr)?.[0]}`);
    });

    /** What is used of what there is. */
    async function used(): Promise<string> {
      const { hard = {}, used: taken = {} } = (await quota()).status ?? {};
      return ['pods', 'requests.cpu', 'limits.memory']
        .map((each) => `${each} ${taken[each]} of ${hard[each]}`)
        .join(', ');
    }
  });

  describe('at work, in non-prod', () => {
    let environment: ClusterEnvironment;

    beforeAll(async () => {
      environment = await ClusterEnvironment.create('non-prod', 'quota-at-work');
      await environment.startDatabase();
    });

    afterAll(async () => environment.delete());

    it('a rollout at the most pods, with its migration and its test → goes through', async () => {
      const { namespace } = environment;
      const full = { hpa: { minReplicas: 3, maxReplicas: 3 } };
      await namespace.install(over(await environment.installableValues(), full));
      await eventually('there are three', async () => (await namespace.readyPods()).length === 3, 120_000);
      let most = 0;
      const watch = followKubectl(
        [
          'get',
          'resourcequota/hello-world',
          '--namespace',
          namespace.name,
          '--watch',
          '--output=jsonpath={.status.used.pods}{"\\n"}',
        ],
        (line) => {
          most = Math.max(most, Number(line));
        },
      );

      await namespace.install(over(await environment.installableValues(clusterImages().next), full));
      const test = await namespace.tryHelm(['test', 'hello-world']);
      await watch.stop();

      const refused = await namespace.get<{ message: string }>('events', '--field-selector=reason=FailedCreate');
      expect(refused.map(({ message }) => message)).toEqual([]);
      expect(test).toMatchObject({ ok: true });
      expect((await namespace.readyPods()).map(({ spec }) => spec.containers[0]?.image)).toEqual(
        Array.from({ length: 3 }, () => imageReference(clusterImages().next)),
      );
      figure(`at most ${most} of 10 pods, the database among them`);
    });

    it('a container that asks for nothing → gets what the quota counts, and no limit of CPU', async () => {
      const { namespace } = environment;
      const image = imageReference(clusterImages().service);

      await namespace.apply(restrictedPod('modest', { image, args: ['--version'], resources: {} }));

      const [pod] = await namespace.get('pod', 'modest');
      expect(podOf(pod as KubeObject).containers[0]?.resources).toEqual({
        requests: { cpu: '50m', memory: '64Mi', 'ephemeral-storage': '16Mi' },
        limits: { memory: '256Mi', 'ephemeral-storage': '256Mi' },
      });
    });

    it('a container that asks for too much, a volume, a load balancer, a port of nodes → are refused by name', async () => {
      const image = imageReference(clusterImages().service);
      const service = (type: string) => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'hw' },
        spec: { type, ports: [{ port: 80 }] },
      });
      const refusals: readonly (readonly [object, string])[] = [
        [
          restrictedPod('greedy', { image, resources: { limits: { memory: '2Gi' } } }),
          'maximum memory usage per Container is 1Gi',
        ],
        [
          {
            apiVersion: 'v1',
            kind: 'PersistentVolumeClaim',
            metadata: { name: 'hw' },
            spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
          },
          'limited: persistentvolumeclaims=0',
        ],
        [service('LoadBalancer'), 'services.loadbalancers=0'],
        [service('NodePort'), 'limited: services.nodeports=0'],
      ];

      for (const [object, reason] of refusals) {
        const { ok, stderr } = await environment.namespace.tryKubectl(['create', '-f', '-'], {
          input: manifest([object]),
        });

        expect([reason, ok]).toEqual([reason, false]);
        expect(stderr).toContain(reason);
      }
    });
  });
});
