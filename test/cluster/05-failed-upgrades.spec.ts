import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { Namespace, type Pod, servicePods, whyNoCluster } from '../support/cluster.js';
import { clusterImages } from '../support/cluster-images.js';
import { LOAD_VALUES, Load, type LoadReport } from '../support/cluster-load.js';
import {
  DATABASE,
  DATABASE_VALUES,
  databaseSecret,
  databaseUrl,
  sql,
  startPostgres,
} from '../support/cluster-neighbours.js';
import { fetchFrom } from '../support/cluster-probe.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { over, type Values } from '../support/helm.js';
import { describeUnless } from '../support/unless.js';

/** What runs before each upgrade: two pods, however the load is. A rollout gives up soon, for whoever waits for it. */
const RELEASE = over(DATABASE_VALUES, LOAD_VALUES, {
  hpa: { enabled: false },
  replicaCount: 2,
  progressDeadlineSeconds: 30,
  // Flags say otherwise: what holds, the last good ones or this, can be told apart.
  env: [{ name: 'ENABLE_METRICS', value: 'false' }],
});
const PATIENCE = '--timeout=120s';
/** A node brings a ConfigMap to its pods once a minute. */
const FLAGS_ARRIVE_MS = 180_000;

const METRICS = 'http://127.0.0.1:8080/metrics';

/** What came of an upgrade that failed, and of the way back. */
interface Failure {
  readonly upgraded: boolean;
  /** What Helm wrote, its log of hooks included. */
  readonly message: string;
  /** What people find who look. */
  readonly found: string;
  readonly wentBack: boolean;
  /** Requests through the Service, from before the upgrade until after the way back. */
  readonly load: LoadReport;
  /** Pods that served before, and those that serve now, with their restarts. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Nobody noticed but those who upgraded: the pods that served before did so all the time, and answered everything. */
function expectServedThroughout({ upgraded, wentBack, load, before, after }: Failure): void {
  expect(upgraded).toBe(false);
  expect(wentBack).toBe(true);
  expect(load).toMatchObject({ failed: 0, failures: [], answered: load.sent });
  expect(before).toHaveLength(2);
  expect(after).toEqual(before);
  figure(`0 of ${load.sent} requests failed`);
}

describeUnless(whyNoCluster())('5 an upgrade that fails: the old version serves on, helm rollback works', () => {
  let namespace: Namespace;

  beforeAll(async () => {
    namespace = await Namespace.create('failed');
    await startPostgres(namespace);
    await namespace.install(RELEASE);
  }, 300_000);

  afterEach(async () => {
    await namespace.kubectl(['delete', 'pod/load', 'configmap/load', '--ignore-not-found']);
  });

  afterAll(async () => namespace.delete(), 120_000);

  async function serving(): Promise<string[]> {
    const pods = await namespace.readyPods();
    return pods
      .map(({ metadata, status }) => `${metadata.name}, ${status.containerStatuses?.[0]?.restartCount}`)
      .sort();
  }

  /** Upgrades under load, looks around, and goes back. */
  async function upgradeInVain(values: Values, look: () => Promise<string> = describePods): Promise<Failure> {
    const before = await serving();
    const load = await Load.start(namespace, { url: 'http://hello-world/', rate: 20 });
    const upgrade = await namespace.tryInstall(over(RELEASE, values), { flags: [PATIENCE] });
    const found = await look();
    const rollback = await namespace.tryHelm(['rollback', 'hello-world', '--wait', PATIENCE]);
    const isGone = async () => (await namespace.servicePods()).length === before.length;
    await eventually('the new version is gone', isGone, 60_000);
    return {
      upgraded: upgrade.ok,
      message: upgrade.stdout + upgrade.stderr,
      found,
      wentBack: rollback.ok,
      load: await load.stop(),
      before,
      after: await serving(),
    };
  }

  async function describePods(): Promise<string> {
    return namespace.kubectl(['describe', 'pods', '--selector', servicePods()]);
  }

  it('an image that crashes: the pod shows its last words', async () => {
    const failure = await upgradeInVain({ image: clusterImages().broken, migrations: { enabled: false } });

    expect(failure.message).toMatch(/UPGRADE FAILED: resource Deployment\/.*\/hello-world not ready/);
    expect(failure.found).toContain('broken on purpose');
    expectServedThroughout(failure);
  }, 240_000);

  it('an image that nobody has pushed: the pod shows which', async () => {
    const { missing } = clusterImages();

    const failure = await upgradeInVain({ image: missing, migrations: { enabled: false } });

    expect(failure.message).toMatch(/UPGRADE FAILED: resource Deployment\/.*\/hello-world not ready/);
    expect(failure.found).toMatch(
      new RegExp(`Failed to pull image "${missing.repository}:.*@${missing.digest}".*not found`),
    );
    expectServedThroughout(failure);
  }, 240_000);

  it('a migration that fails: Helm shows why, and nothing of it is in the database', async () => {
    await namespace.apply(
      migrations('Failing4102444800000', ['CREATE TABLE bills ()', 'ALTER TABLE invoices ADD paid date']),
    );

    const failure = await upgradeInVain(FURTHER_MIGRATION);

    expect(failure.message).toMatch(/relation \\*"invoices\\*" does not exist/);
    expect(await sql(namespace, "SELECT to_regclass('bills') IS NULL")).toBe('t');
    expect(await sql(namespace, 'SELECT count(*) FROM migrations')).toBe('2');
    expectServedThroughout(failure);
  }, 300_000);

  it('a role that may not migrate: Helm shows what it may not', async () => {
    await namespace.apply(migrations('Fine4102444800000', ['CREATE TABLE bills ()']));
    await sql(namespace, `CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT SELECT ON migrations TO reader`);
    await namespace.apply(databaseSecret(databaseUrl('reader', 'reader'), 'reader'));

    const failure = await upgradeInVain(over(FURTHER_MIGRATION, { migrations: { existingSecret: 'reader' } }));

    expect(failure.message).toContain('permission denied for schema public');
    expect(await sql(namespace, 'SELECT count(*) FROM migrations')).toBe('2');
    expectServedThroughout(failure);
  }, 300_000);

  it('a wrong password: the migration is refused, and Helm shows it without the password', async () => {
    await namespace.apply(databaseSecret(databaseUrl('wr0ng'), 'wrong'));

    const failure = await upgradeInVain({ database: { existingSecret: 'wrong' } });

    expect(failure.message).toContain('cannot connect to the database at postgres:5432');
    expect(failure.message).toContain('authentication failed (28P01)');
    expect(failure.message).not.toContain('wr0ng');
    expectServedThroughout(failure);
  }, 300_000);

  it('a wrong password of the service alone: its pod is not ready, and its log and its probe say why', async () => {
    await namespace.apply(databaseSecret(databaseUrl('wr0ng'), 'wrong'));
    const look = async () => {
      const ready = new Set((await namespace.readyPods()).map(({ metadata }) => metadata.name));
      const failing = (await namespace.servicePods())
        .map(({ metadata }) => metadata.name)
        .filter((name) => !ready.has(name));
      return (await describePods()) + (await namespace.kubectl(['logs', ...failing]));
    };

    const failure = await upgradeInVain(
      { database: { existingSecret: 'wrong' }, migrations: { existingSecret: DATABASE.secret } },
      look,
    );

    expect(failure.message).toMatch(/UPGRADE FAILED: resource Deployment\/.*\/hello-world not ready/);
    expect(failure.found).toContain('Readiness probe failed: HTTP probe failed with statuscode: 503');
    expect(failure.found).toContain('cannot use the database at postgres:5432: authentication failed (28P01)');
    expect(failure.found).not.toContain('wr0ng');
    expectServedThroughout(failure);
  }, 240_000);

  it.each([
    ['a Secret that is not there', { existingSecret: 'nobodys' }, /secret "nobodys" not found/],
    ['a Secret without the key', { existingSecretKey: 'uri' }, /references non-existent secret key: uri/],
  ])(
    '%s: the events of the migration name it',
    async (_what, database, event) => {
      const look = async () => namespace.kubectl(['get', 'events', '--field-selector=reason=FailedMount']);

      const failure = await upgradeInVain({ database, migrations: { activeDeadlineSeconds: 60 } }, look);

      expect(failure.message).toMatch(
        /pre-upgrade hooks failed: resource Job\/.*-migrate-\d+ not ready. status: Failed/,
      );
      expect(failure.found).toMatch(event);
      expectServedThroughout(failure);
    },
    300_000,
  );

  it('flags that flagd would refuse: so does the chart, by name, and nothing is to be rolled back', async () => {
    const history = async () => (await namespace.tryHelm(['history', 'hello-world'])).stdout;
    const [before, revisions] = [await serving(), await history()];

    const { ok, stderr } = await namespace.tryInstall(
      over(RELEASE, { flags: { metrics_enabled: { defaultVariant: 'yes' } } }),
    );

    expect(ok).toBe(false);
    expect(stderr).toContain('flags.metrics_enabled.defaultVariant is yes, and its variants are off, on');
    expect(await history()).toBe(revisions);
    expect(await serving()).toEqual(before);
  }, 240_000);

  /** By an editor that was saved too early. */
  async function breakFlags(): Promise<void> {
    const patch = { data: { 'flags.flagd.json': '{' } };
    await namespace.kubectl(['patch', 'configmap', 'hello-world-flags', '--patch', JSON.stringify(patch)]);
  }

  async function tells(pod: Pod | undefined, sentence: RegExp): Promise<void> {
    const name = pod?.metadata.name ?? '';
    const log = async () => namespace.kubectl(['logs', name]);
    await eventually(`${name} tells ${sentence}`, async () => sentence.test(await log()), FLAGS_ARRIVE_MS);
  }

  it('flags edited into nonsense: pods keep the last good ones and say so; Helm names the edit, and undoes it when told to', async () => {
    const before = await serving();
    const load = await Load.start(namespace, { url: 'http://hello-world/metrics', rate: 5 });
    const pods = await namespace.readyPods();

    await breakFlags();
    for (const pod of pods) await tells(pod, /flags file \S+ was changed and cannot be used; the last good flags hold/);
    const upgrade = await namespace.tryInstall(RELEASE, { flags: [PATIENCE] });
    const rollback = await namespace.tryHelm(['rollback', 'hello-world', '--wait', '--force-conflicts', PATIENCE]);

    expect(upgrade.ok).toBe(false);
    expect(upgrade.stderr).toMatch(/hello-world-flags.*conflict with "kubectl-patch".*\.data\.flags\.flagd\.json/);
    expect(rollback.ok).toBe(true);
    expect(await load.stop()).toMatchObject({ failed: 0 });
    expect(await serving()).toEqual(before);
  }, 480_000);

  it('a pod that starts on such flags: it serves by the defaults of its environment and says so, until they are mended', async () => {
    const known = new Set((await namespace.readyPods()).map(({ metadata }) => metadata.name));
    const [first = ''] = known;
    await breakFlags();

    await namespace.kubectl(['delete', 'pod', first]);
    await eventually('another is ready', async () => (await namespace.readyPods()).length === 2, 120_000);
    const fresh = (await namespace.readyPods()).find(({ metadata }) => !known.has(metadata.name));
    await tells(fresh, /flags file \S+ cannot be used \(.*\); the defaults of the environment hold/);
    const onDefaults = await fetchFrom(namespace, fresh!.metadata.name, METRICS);
    await namespace.install(RELEASE, { flags: ['--force-conflicts'] });
    await tells(fresh, /flags file \S+ is ready: its flags hold/);

    expect(onDefaults).toBe('404 metrics disabled');
    expect(await fetchFrom(namespace, fresh!.metadata.name, METRICS)).toMatch(/^200 /);
    expect(fresh?.status.containerStatuses?.[0]?.restartCount).toBe(0);
  }, 480_000);
});

/** What is in the place of the list of migrations, for the Job alone: a release that has one more. */
const FURTHER_MIGRATION = {
  migrations: {
    extraVolumes: [{ name: 'migrations', configMap: { name: 'migrations' } }],
    extraVolumeMounts: [{ name: 'migrations', mountPath: '/app/dist/migrations/index.js', subPath: 'index.js' }],
  },
};

function migrations(name: string, statements: readonly string[]): object {
  const list = `
import { CreateUsers1762300800000 } from './1762300800000-create-users.js';
import { CreateOrders1762300860000 } from './1762300860000-create-orders.js';

class ${name} {
  async up(queryRunner) {
    for (const statement of ${JSON.stringify(statements)}) await queryRunner.query(statement);
  }
}
export const migrations = [CreateUsers1762300800000, CreateOrders1762300860000, ${name}];
`;
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'migrations' }, data: { 'index.js': list } };
}
