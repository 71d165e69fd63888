import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Namespace, whyNoCluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { describeUnless } from '../support/unless.js';

describeUnless(whyNoCluster())(
  '1 the documented command, into a namespace that enforces Pod Security restricted',
  () => {
    let namespace: Namespace;

    beforeAll(async () => {
      namespace = await Namespace.create('install');
    });

    afterAll(async () => namespace.delete());

    it('makes all pods ready', async () => {
      const began = Date.now();
      await namespace.install();
      figure(`ready after ${Math.round((Date.now() - began) / 1_000)} s`);

      // The chart leaves their number to the autoscaler, which looks every 15 s.
      await eventually('the second pod is ready', async () => (await namespace.readyPods()).length === 2, 120_000);

      const restarts = (await namespace.readyPods()).map((pod) => pod.status.containerStatuses?.[0]?.restartCount);
      expect(restarts).toEqual([0, 0]);
    });

    it('is found well by helm test', async () => {
      const { ok, stderr } = await namespace.tryHelm(['test', 'hello-world', '--logs']);

      expect(stderr).toContain('GET / is');
      expect(ok).toBe(true);
    });
  },
);
