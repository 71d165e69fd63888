import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Namespace, type Outcome, type Pod, servicePods, whyNoCluster, whyNoPodMetrics } from '../support/cluster.js';
import { clusterImages, imageReference } from '../support/cluster-images.js';
import { Ledger } from '../support/cluster-ledger.js';
import { LOAD_VALUES, Load, type LoadReport } from '../support/cluster-load.js';
import { COLLECTOR_VALUES, startCollector } from '../support/cluster-neighbours.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { over } from '../support/helm.js';
import { describeUnless, itUnless } from '../support/unless.js';

/** Requests a second, half of them on new connections. */
const RATE = 30;
/** How often a service that does not drain is updated at most, until a request is lost: chance has a part in it. */
const UPDATES_WITHOUT_DRAIN = 4;
/** What is put on top until the autoscaler adds a pod: so many loads at most, each so heavy. */
const HEAVY_LOADS = 4;
const HEAVY_RATE = 80;

const REPLICAS = 2;
const PATIENCE_MS = 180_000;
/** Two rounds of the autoscaler and of the metrics that it looks at. */
const AUTOSCALER_PATIENCE_MS = 75_000;
const TEST_TIMEOUT_MS = 480_000;

const VALUES = over(COLLECTOR_VALUES, LOAD_VALUES, {
  flags: { tracing_enabled: { defaultVariant: 'on' } },
  // By the defaults it would take much work and, down again, ten minutes.
  resources: { requests: { cpu: '50m' } },
  hpa: {
    minReplicas: REPLICAS,
    maxReplicas: 2 * REPLICAS,
    behavior: {
      scaleDown: { stabilizationWindowSeconds: 15, policies: [{ type: 'Pods', value: 1, periodSeconds: 15 }] },
    },
  },
});

describeUnless(whyNoCluster())('4 nothing is lost under load', () => {
  let namespace: Namespace;
  let ledger: Ledger;

  beforeAll(async () => {
    namespace = await Namespace.create('rollouts');
    await startCollector(namespace);
    ledger = new Ledger(namespace);
    await namespace.install(VALUES);
    await settled();
  }, TEST_TIMEOUT_MS);

  afterAll(async () => {
    await ledger?.close();
    await namespace?.delete();
  }, PATIENCE_MS);

  /** As many pods as wanted, all ready, and none on its way out. */
  async function settled(replicas = REPLICAS): Promise<void> {
    await eventually(
      `there are ${replicas} pods, all ready`,
      async () => {
        const all = await namespace.get<Pod>('pods', '--selector', servicePods());
        return all.length === replicas && (await namespace.readyPods()).length === replicas;
      },
      PATIENCE_MS,
    );
  }

  /** Does something to the service while requests come; not one of them may fail, or go unseen. */
  async function expectNothingLost(name: string, act: () => Promise<string>): Promise<void> {
    const load = await Load.start(namespace, { name, url: 'http://hello-world/', rate: RATE });
    try {
      figure(await act());
    } catch (error) {
      await load.stop();
      throw error;
    }
    await expectAllServed(name, load);
  }

  async function expectAllServed(name: string, load: Load): Promise<void> {
    const { sent, failed, failures, seconds, p50Ms, p99Ms, maxMs } = await load.stop();
    const { pods, ...account } = await ledger.account(name, sent);

    figure(
      `${name}: ${sent} requests in ${seconds} s, ${failed} failed, ${account.lines} access lines in ${pods} pods, ` +
        `${account.spans} spans, p50 ${p50Ms} ms, p99 ${p99Ms} ms, at most ${maxMs} ms`,
    );
    expect({ failed, failures, ...account }).toEqual({
      failed: 0,
      failures: [],
      lines: sent,
      spans: sent,
      amiss: [],
    });
  }

  async function seconds(act: () => Promise<unknown>): Promise<number> {
    const began = Date.now();
    await act();
    return Math.round((Date.now() - began) / 1_000);
  }

  /** @returns the digests that pods run */
  async function digests(): Promise<string[]> {
    return [
      ...new Set((await namespace.servicePods()).flatMap(({ spec }) => spec.containers.map(({ image }) => image))),
    ];
  }

  it(
    'a rolling update to another digest → no request fails, each has its access line and its span',
    async () => {
      await expectNothingLost('update', async () => {
        const took = await seconds(async () => {
          await namespace.install(over(VALUES, { image: clusterImages().next }));
          await settled();
        });
        expect(await digests()).toEqual([imageReference(clusterImages().next)]);
        return `all pods new, and the old ones gone, after ${took} s`;
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'helm rollback → the same',
    async () => {
      await expectNothingLost('rollback', async () => {
        const took = await seconds(async () => {
          const { ok, stderr } = await namespace.tryHelm(['rollback', 'hello-world', '--wait', '--timeout', '180s']);
          if (!ok) throw new Error(stderr);
          await settled();
        });
        expect(await digests()).toEqual([imageReference(clusterImages().service)]);
        return `back after ${took} s`;
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'kubectl delete pod, one after the other → the same',
    async () => {
      await expectNothingLost('delete', async () => {
        const before = await namespace.servicePods();
        const took = await seconds(async () => {
          for (const { metadata } of before) {
            await namespace.kubectl(['delete', 'pod', metadata.name]);
            await settled();
          }
        });
        return `${before.length} pods deleted in ${took} s`;
      });
    },
    TEST_TIMEOUT_MS,
  );

  async function evict(pod: string): Promise<Outcome> {
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: pod, namespace: namespace.name } };
    return namespace.tryKubectl(
      ['create', '--raw', `/api/v1/namespaces/${namespace.name}/pods/${pod}/eviction`, '-f', '-'],
      { input: JSON.stringify(eviction) },
    );
  }

  it(
    'all pods of the node are evicted, as many at a time as the budget allows → the same, and a second one is refused',
    async () => {
      await expectNothingLost('evict', async () => {
        let refused = 0;
        const before = await namespace.servicePods();
        const took = await seconds(async () => {
          for (const { metadata } of before) {
            await budgetAllows(1);
            const first = await evict(metadata.name);
            expect(first).toMatchObject({ ok: true });

            // One that serves: the first one's successor, not ready yet, may go at any time.
            const other = (await namespace.readyPods()).find((pod) => pod.metadata.name !== metadata.name);
            const second = await evict(other!.metadata.name);
            expect(second).toMatchObject({ ok: false, stderr: expect.stringContaining('TooManyRequests') });
            refused++;
            await settled();
          }
        });
        const after = new Set((await namespace.servicePods()).map(({ metadata }) => metadata.uid));
        expect(before.filter(({ metadata }) => after.has(metadata.uid))).toEqual([]);
        return `${before.length} pods evicted in ${took} s, ${refused} second evictions refused with 429`;
      });
    },
    TEST_TIMEOUT_MS,
  );

  async function budgetAllows(disruptions: number): Promise<void> {
    await eventually(
      'the budget knows the pods',
      async () => {
        const [budget] = await namespace.get<{ status?: { disruptionsAllowed: number } }>('pdb', 'hello-world');
        return budget?.status?.disruptionsAllowed === disruptions;
      },
      PATIENCE_MS,
    );
  }

  itUnless(whyNoPodMetrics())(
    'the autoscaler adds a pod under load and takes it away after → the same',
    async () => {
      await expectNothingLost('scale', async () => {
        const began = Date.now();
        const heavy = new Map<string, Load>();
        while (heavy.size < HEAVY_LOADS && (await namespace.servicePods()).length <= REPLICAS) {
          const name = `heavy-${heavy.size + 1}`;
          heavy.set(name, await Load.start(namespace, { name, url: 'http://hello-world/', rate: HEAVY_RATE }));
          await morePods().catch(() => {}); // A fast machine is not impressed yet.
        }
        await eventually(
          'a pod more is ready',
          async () => (await namespace.readyPods()).length > REPLICAS,
          PATIENCE_MS,
        );
        const up = Math.round((Date.now() - began) / 1_000);
        const most = (await namespace.readyPods()).length;

        for (const [name, load] of heavy) await expectAllServed(name, load);
        const down = await seconds(settled);
        return `${most} pods after ${up} s, ${REPLICAS} again ${down} s after the load went`;
      });
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'a rolling update of a service that does not drain → requests are lost, and this load sees it',
    async () => {
      const { service, next } = clusterImages();
      const careless = over(VALUES, { env: [...COLLECTOR_VALUES.env, { name: 'SHUTDOWN_DRAIN_MS', value: '0' }] });
      await namespace.install(over(careless, { image: service }));
      await settled();

      const reports: LoadReport[] = [];
      while (reports.length < UPDATES_WITHOUT_DRAIN && !reports.some(({ failed }) => failed > 0)) {
        const name = `abrupt-${reports.length}`;
        const load = await Load.start(namespace, { name, url: 'http://hello-world/', rate: RATE });
        await namespace.install(over(careless, { image: reports.length % 2 === 0 ? next : service }));
        await settled();
        reports.push(await load.stop());
      }

      figure(reports.map(({ sent, failed }) => `${failed} of ${sent} requests failed`).join(', then '));
      figure([...new Set(reports.flatMap(({ failures }) => failures.map(({ failure }) => failure)))].join('; '));
      expect(reports.at(-1)?.failed).toBeGreaterThan(0);
    },
    TEST_TIMEOUT_MS,
  );

  async function morePods(): Promise<void> {
    await eventually(
      'the autoscaler adds a pod',
      async () => (await namespace.servicePods()).length > REPLICAS,
      AUTOSCALER_PATIENCE_MS,
    );
  }
});
