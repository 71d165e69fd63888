import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Namespace, PATIENCE_MS, whyNoCluster } from '../support/cluster.js';
import { ClusterEnvironment, missingKinds } from '../support/cluster-environment.js';
import { clusterImages } from '../support/cluster-images.js';
import { Load } from '../support/cluster-load.js';
import { DATABASE_VALUES, databaseSecret, databaseUrl, startPostgres } from '../support/cluster-neighbours.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { ENVIRONMENTS } from '../support/flux.js';
import { CHART, over, type Values } from '../support/helm.js';
import { type PreviousChart, previousChart } from '../support/previous-chart.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

jest.setTimeout(PATIENCE_MS);

/** Pods drain, and what belonged to them is collected afterwards. */
const GONE_WITHIN_MS = 120_000;

/** What a team has set: some of each kind of value. */
const ownValuesIn = (namespace: Namespace): Values =>
  over(DATABASE_VALUES, {
    hpa: { maxReplicas: 4 },
    env: [{ name: 'LOG_LEVEL', value: 'warn' }],
    commonLabels: { team: 'greetings' },
    networkPolicy: {
      ingress: {
        clients: [
          {
            namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace.name } },
            podSelector: { matchLabels: { app: 'load' } },
          },
        ],
      },
    },
  });

interface Listed {
  readonly revision: string;
  readonly status: string;
  readonly chart: string;
}

describeUnless(whyNoCluster())('10 the life of a release', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hello-world-chart-'));
  let namespace: Namespace;
  let previous: PreviousChart;
  let before: readonly string[];

  beforeAll(async () => {
    previous = await previousChart(folder);
    namespace = await Namespace.create('release');
    await startPostgres(namespace);
    before = await namespace.everything();
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await namespace.delete();
  });

  async function release(): Promise<Listed> {
    const { stdout } = await namespace.tryHelm(['list', '--output=json']);
    return (JSON.parse(stdout) as Listed[])[0]!;
  }

  async function ownValues(): Promise<unknown> {
    return JSON.parse((await namespace.tryHelm(['get', 'values', 'hello-world', '--output=json'])).stdout);
  }

  it('an upgrade from the chart before to the next image, with its values kept → is done without a failed request', async () => {
    await namespace.install(ownValuesIn(namespace), { chart: previous.path });
    const [values, { chart }] = [await ownValues(), await release()];
    const load = await Load.start(namespace, { url: 'http://hello-world/', rate: 20 });

    const { tag, digest } = clusterImages().next;
    const upgrade = await namespace.tryHelm([
      ...['upgrade', 'hello-world', CHART, '--reset-then-reuse-values', '--wait', '--timeout=180s'],
      ...[`--set=image.tag=${tag}`, `--set=image.digest=${digest}`],
    ]);
    const { sent, failed, failures } = await load.stop();

    expect(upgrade).toMatchObject({ ok: true });
    expect(values).toEqual(over({ image: clusterImages().service }, ownValuesIn(namespace)));
    expect(await ownValues()).toEqual(over({ image: clusterImages().next }, ownValuesIn(namespace)));
    expect(await release()).toMatchObject({ revision: '2', status: 'deployed' });
    expect((await release()).chart).not.toBe(chart);
    expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
    figure(`${previous.name} → ${(await release()).chart}, ${sent} requests`);
  });

  it('helm rollback → brings the chart before back, ready', async () => {
    const rollback = await namespace.tryHelm(['rollback', 'hello-world', '1', '--wait', '--timeout=180s']);

    expect(rollback).toMatchObject({ ok: true });
    expect(await release()).toMatchObject({ revision: '3', status: 'deployed' });
    await eventually('two pods are ready', async () => (await namespace.readyPods()).length >= 2, GONE_WITHIN_MS);
  });

  it('helm uninstall → leaves nothing', async () => {
    const during = await namespace.everything();

    expect(await namespace.tryHelm(['uninstall', 'hello-world', '--wait'])).toMatchObject({ ok: true });

    await expectOnly(namespace, before);
    expect(await namespace.everything()).toEqual(before);
    figure(`${during.length - before.length} objects went`);
  });

  it('helm uninstall, after a failed migration and a failed test → leaves what the README says', async () => {
    await namespace.install(over(ownValuesIn(namespace), { serviceMonitor: { path: '/nothing' } }));
    const test = await namespace.tryHelm(['test', 'hello-world']);
    await namespace.apply(databaseSecret(databaseUrl('wrong'), 'wrong'));
    const upgrade = await namespace.tryInstall(
      over(ownValuesIn(namespace), { migrations: { existingSecret: 'wrong' } }),
    );

    await namespace.tryHelm(['uninstall', 'hello-world', '--wait']);

    expect([test.ok, upgrade.ok]).toEqual([false, false]);
    const known = new Set([...before, 'secret/wrong']);
    const isLeft = (name: string) =>
      /^job.batch\/hello-world-migrate-2$|^pod\/hello-world-(test$|migrate-2-)/.test(name);
    await eventually(
      'only that is left',
      async () => {
        const left = (await namespace.everything()).filter((name) => !known.has(name));
        return left.every(isLeft);
      },
      GONE_WITHIN_MS,
    );
    const left = (await namespace.everything()).filter((name) => !known.has(name));
    expect(left).toContain('job.batch/hello-world-migrate-2');
    expect(left).toContain('pod/hello-world-test');
    figure(`left: ${left.join(', ')}`);
  });
});

describeUnless(whyNoCluster() ?? whyNoTool('kustomize'))('10 the values of each environment', () => {
  describe.each(ENVIRONMENTS)('%s', (name) => {
    let environment: ClusterEnvironment;
    let before: readonly string[];

    beforeAll(async () => {
      environment = await ClusterEnvironment.create(name, 'values');
      await environment.startDatabase();
      before = await environment.namespace.everything();
    });

    afterAll(async () => environment.delete());

    it('are installed as Flux would, into the namespace as the platform makes it → ready, and found well', async () => {
      const { namespace } = environment;
      const values = await environment.installableValues();
      const { minReplicas } = values['hpa'] as { minReplicas: number };

      const said = await namespace.install(values);
      await eventually(
        'all pods are ready',
        async () => (await namespace.readyPods()).length === minReplicas,
        GONE_WITHIN_MS,
      );
      const test = await namespace.tryHelm(['test', 'hello-world']);

      expect(said).not.toMatch(/warning/i);
      expect(test).toMatchObject({ ok: true });
      const without = ['certificate', ...(await missingKinds()).map((kind) => kind.replace(/\..*/, ''))];
      figure(`${minReplicas} pods, without ${without.join(', ')}`);
    });

    it('are uninstalled → nothing of the release is left', async () => {
      const { namespace } = environment;

      expect(await namespace.tryHelm(['uninstall', 'hello-world', '--wait'])).toMatchObject({ ok: true });

      await expectOnly(namespace, before);
      expect(await namespace.everything()).toEqual(before);
    });
  });
});

/** Says what is left, where something is. */
async function expectOnly(namespace: Namespace, names: readonly string[]): Promise<void> {
  const known = new Set(names);
  const left = async () => (await namespace.everything()).filter((name) => !known.has(name));
  await eventually('all else is gone', async () => (await left()).length === 0, GONE_WITHIN_MS).catch(() => {});
  expect(await left()).toEqual([]);
}
