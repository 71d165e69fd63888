import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type ContainerStatus, Namespace, type Pod, whyNoCluster } from '../support/cluster.js';
import { LOAD_VALUES, Load } from '../support/cluster-load.js';
import { runIn } from '../support/cluster-probe.js';
import { PodWatch } from '../support/cluster-watch.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { over } from '../support/helm.js';
import { describeUnless } from '../support/unless.js';

const FAULTS = readFileSync(join(import.meta.dirname, 'faults/memory.mjs'), 'utf8');
const VOLUME = 'faults';
const VALUES = over(LOAD_VALUES, {
  hpa: { enabled: false },
  replicaCount: 2,
  extraVolumes: [{ name: VOLUME, configMap: { name: VOLUME } }],
  extraVolumeMounts: [{ name: VOLUME, mountPath: '/faults', readOnly: true }],
  // The heap's share is the chart's own.
  env: [{ name: 'NODE_OPTIONS', value: '--import=/faults/memory.mjs --max-old-space-size-percentage=50' }],
});

describeUnless(whyNoCluster())('12 the memory limit is reached', () => {
  let namespace: Namespace;

  beforeAll(async () => {
    namespace = await Namespace.create('memory');
    await namespace.apply({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: VOLUME },
      data: { 'memory.mjs': FAULTS },
    });
    await namespace.install(VALUES);
  }, 300_000);

  afterAll(async () => namespace.delete(), 120_000);

  const containerOf = (pods: readonly Pod[], name: string): ContainerStatus | undefined =>
    pods.find(({ metadata }) => metadata.name === name)?.status.containerStatuses?.[0];

  it.each([
    {
      what: 'by buffers: the kernel kills the process',
      signal: 'SIGUSR2',
      reason: 'OOMKilled',
      exitCodes: [137],
      lastWords: /./,
    },
    {
      what: 'by objects: V8 gives up at half of the limit, and its last words are in the state of the pod',
      signal: 'SIGHUP',
      reason: 'Error',
      // Not 134: the first process of a container does not get its own SIGABRT, but what comes behind it in abort(3).
      exitCodes: [139, 133],
      lastWords: /JavaScript heap out of memory/,
    },
  ])(
    '$what; one restart, ready again, the other pod answers all the while',
    async ({ signal, reason, exitCodes, lastWords }) => {
      const [victim, other] = (await namespace.readyPods()).sort(
        (one, another) => Number(restartsOf(one)) - Number(restartsOf(another)),
      );
      const name = victim!.metadata.name;
      const watch = await PodWatch.start(namespace);
      const ofOther = await Load.start(namespace, {
        name: 'other',
        url: `http://${other!.status.podIP}:8080/`,
        rate: 20,
      });
      const ofService = await Load.start(namespace, { name: 'service', url: 'http://hello-world/', rate: 20 });

      await runIn(namespace, name, 'process.kill(1, process.argv[1])', signal);
      const killed = async () => containerOf(await namespace.servicePods(), name)?.restartCount === 1;
      await eventually('it is started again', killed, 120_000);
      const began = Date.now();
      const isReady = async () => containerOf(await namespace.readyPods(), name) !== undefined;
      await eventually('it is ready again', isReady, 120_000);
      figure(`ready ${Math.round((Date.now() - began) / 1_000)} s after its restart`);
      const [atOther, atService] = [await ofOther.stop(), await ofService.stop()];
      const { [name]: course, [other!.metadata.name]: courseOfOther } = await watch.stop();

      figure(`other pod: 0 of ${atOther.sent} requests failed; Service: ${atService.failed} of ${atService.sent}`);
      const { lastState } = containerOf(await namespace.readyPods(), name)!;
      expect(lastState.terminated?.reason).toBe(reason);
      expect(exitCodes).toContain(lastState.terminated?.exitCode);
      figure(`exit code ${lastState.terminated?.exitCode}`);
      expect(lastState.terminated?.message).toMatch(lastWords);
      expect(course?.at(0)).toBe('ready, restarts: 0');
      expect(course?.at(-1)).toBe('ready, restarts: 1');
      expect(courseOfOther).toHaveLength(1);
      expect(atOther.failures).toEqual([]);
      expect(atService.answered).toBeGreaterThan(atService.failed);
    },
    480_000,
  );
});

function restartsOf({ status }: Pod): number | undefined {
  return status.containerStatuses?.[0]?.restartCount;
}
