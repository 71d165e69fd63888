import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Namespace, whyNoCluster } from '../support/cluster.js';
import { DATABASE_VALUES, startPostgres } from '../support/cluster-neighbours.js';
import { fetchFrom } from '../support/cluster-probe.js';
import { PodWatch } from '../support/cluster-watch.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { over } from '../support/helm.js';
import { describeUnless } from '../support/unless.js';

const SERVICE = 'http://127.0.0.1:8080';
/** Liveness would give up in 3 s; readiness takes 10 s. */
const HASTY_LIVENESS = { healthProbes: { liveness: { periodSeconds: 1, failureThreshold: 3 } } };

describeUnless(whyNoCluster())('8 Postgres is killed', () => {
  let namespace: Namespace;

  beforeAll(async () => {
    namespace = await Namespace.create('outage');
    await startPostgres(namespace);
    await namespace.install(over(DATABASE_VALUES, HASTY_LIVENESS, { hpa: { enabled: false }, replicaCount: 2 }));
  }, 300_000);

  afterAll(async () => namespace.delete(), 120_000);

  /** Kills Postgres whenever it runs. Its node starts it again, after longer and longer pauses. */
  async function withoutPostgres<T>(work: () => Promise<T>): Promise<T> {
    // As a crash would: without a word to anybody. (In a container nobody can send SIGKILL to the first process.)
    const kill = ['exec', 'deployment/postgres', '--', 'bash', '-c', 'kill -QUIT 1'];
    const done = new AbortController();
    const killing = (async () => {
      while (!done.signal.aborted) await namespace.tryKubectl(kill);
    })();
    try {
      return await work();
    } finally {
      done.abort();
      await killing;
    }
  }

  it('pods are not ready and not restarted, and serve what needs no database; once it is back, they are ready', async () => {
    const pods = (await namespace.readyPods()).map(({ metadata }) => metadata.name);
    const watch = await PodWatch.start(namespace);
    const ask = async (path: string) => Promise.all(pods.map((pod) => fetchFrom(namespace, pod, `${SERVICE}${path}`)));

    const [page, alive, ready] = await withoutPostgres(async () => {
      const began = Date.now();
      await eventually('no pod is ready', async () => (await namespace.readyPods()).length === 0, 180_000);
      figure(`not ready after ${Math.round((Date.now() - began) / 1_000)} s`);
      return Promise.all([ask('/'), ask('/livez'), ask('/readyz')]);
    });
    await namespace.kubectl(['rollout', 'status', 'deployment/postgres', '--timeout=360s']);
    const back = Date.now();
    await eventually('all pods are ready', async () => (await namespace.readyPods()).length === 2, 120_000);
    figure(`ready ${Math.round((Date.now() - back) / 1_000)} s after Postgres`);
    const states = await watch.stop();

    expect(page).toEqual(['200 hello world', '200 hello world']);
    expect(alive).toEqual(['200 alive', '200 alive']);
    for (const answer of ready) expect(answer).toMatch(/^503 not ready: database: \w/);
    const course = ['ready, restarts: 0', 'not ready, restarts: 0', 'ready, restarts: 0'];
    expect(states).toEqual(Object.fromEntries(pods.map((pod) => [pod, course])));
  }, 900_000);
});
