import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { Namespace, whyNoCluster } from '../support/cluster.js';
import { clusterImages } from '../support/cluster-images.js';
import { DATABASE_VALUES, sql, startPostgres } from '../support/cluster-neighbours.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { ofKind, over, render, theOne } from '../support/helm.js';
import { describeUnless } from '../support/unless.js';

const RELEASES = ['one', 'two', 'three'];
/** `MIGRATION_LOCK_KEY` of libs/database: whoever has this advisory lock migrates. */
const LOCK = 0x68_65_6c_6c_6f;
const WAITS = /another migration run is under way; waiting for it/g;
const ONE_POD = over(DATABASE_VALUES, { hpa: { enabled: false }, replicaCount: 1 });

describeUnless(whyNoCluster())('11 three migrations at once', () => {
  let namespace: Namespace;

  beforeAll(async () => {
    namespace = await Namespace.create('racing');
    await startPostgres(namespace);
  }, 300_000);

  beforeEach(async () => {
    await sql(namespace, 'DROP TABLE IF EXISTS orders, users, migrations');
  });

  afterAll(async () => namespace.delete(), 120_000);

  /** Takes the lock before anybody else does, so that all who want it are there when it is given back. */
  async function holdLock(): Promise<{ release(): Promise<void> }> {
    const holding = sql(namespace, `SELECT pg_advisory_lock(${LOCK}), pg_sleep(600)`).catch(() => undefined);
    const holders = `FROM pg_locks WHERE locktype = 'advisory' AND granted`;
    await eventually('the lock is held', async () => (await sql(namespace, `SELECT count(*) ${holders}`)) === '1');
    return {
      async release() {
        await sql(namespace, `SELECT pg_terminate_backend(pid) ${holders}`);
        await holding;
      },
    };
  }

  async function migrationLogs(): Promise<string> {
    const selector = ['--selector', 'app.kubernetes.io/component=migration'];
    return (await namespace.tryKubectl(['logs', ...selector, '--tail=-1', '--ignore-errors'])).stdout;
  }

  async function threeWait(): Promise<void> {
    const three = async () => ((await migrationLogs()).match(WAITS) ?? []).length >= RELEASES.length;
    await eventually('three migrations wait for the lock', three, 120_000);
  }

  /** The table's rows, which say what was applied and how often. */
  async function applied(): Promise<string[]> {
    return (await sql(namespace, 'SELECT name FROM migrations ORDER BY id')).split('\n');
  }

  it('Jobs: one applies all, the others wait and find nothing to do', async () => {
    const lock = await holdLock();
    const objects = render(over(ONE_POD, { image: clusterImages().service }), { namespace: namespace.name });
    const job = theOne(objects, 'Job');
    const ofMigration = (kind: string) =>
      ofKind(objects, kind).filter(({ metadata }) => metadata.name.endsWith('-migrate'));
    await namespace.apply(
      ...ofMigration('ServiceAccount'),
      ...ofMigration('NetworkPolicy'),
      ...RELEASES.map((name) => ({ ...job, metadata: { ...job.metadata, name } })),
    );

    await threeWait();
    await lock.release();
    await namespace.kubectl([
      'wait',
      '--for=condition=Complete',
      ...RELEASES.map((name) => `job/${name}`),
      '--timeout=180s',
    ]);

    const logs = await Promise.all(RELEASES.map((name) => namespace.kubectl(['logs', `job/${name}`])));
    const counts = logs.map((log) => (log.match(/has been executed successfully/g) ?? []).length);
    expect(counts.sort((one, other) => one - other)).toEqual([0, 0, 2]);
    expect(logs.filter((log) => log.includes('No migrations are pending'))).toHaveLength(2);
    expect(await applied()).toEqual(['CreateUsers1762300800000', 'CreateOrders1762300860000']);
    await namespace.kubectl([
      'delete',
      'job,networkpolicy,serviceaccount',
      '--selector',
      'app.kubernetes.io/component=migration',
    ]);
  }, 480_000);

  it('releases: all three are installed and ready, each migration is applied once', async () => {
    const lock = await holdLock();
    const began = Date.now();
    const installs = RELEASES.map((release) => namespace.tryInstall(ONE_POD, { release }));

    await threeWait();
    await lock.release();
    const outcomes = await Promise.all(installs);
    figure(`ready after ${Math.round((Date.now() - began) / 1_000)} s`);

    expect(outcomes.map(({ ok, stderr }) => (ok ? 'ok' : stderr))).toEqual(['ok', 'ok', 'ok']);
    expect(await applied()).toEqual(['CreateUsers1762300800000', 'CreateOrders1762300860000']);
    for (const release of RELEASES) expect(await namespace.readyPods(release)).toHaveLength(1);
  }, 480_000);
});
