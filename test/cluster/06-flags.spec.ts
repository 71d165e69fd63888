import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Namespace, whyNoCluster } from '../support/cluster.js';
import { clusterImages } from '../support/cluster-images.js';
import { NAMESPACE_OF_TESTS, startFlagd } from '../support/cluster-neighbours.js';
import { fetchFrom, runIn } from '../support/cluster-probe.js';
import { figure } from '../support/figures.js';
import { over, type Values } from '../support/helm.js';
import { describeUnless } from '../support/unless.js';

const METRICS = 'http://127.0.0.1:8080/metrics';

/** Runs in a pod, until what it asks answers with a status: URL, status. A node takes a minute to bring a ConfigMap. */
const AWAIT_STATUS = `
const [url, status] = process.argv.slice(1);
const deadline = Date.now() + 240_000;
while (String((await fetch(url)).status) !== status) {
  if (Date.now() > deadline) throw new Error(url + ' does not answer with ' + status);
  await new Promise((resolve) => setTimeout(resolve, 200));
}`;

const FIXED: Values = { hpa: { enabled: false }, replicaCount: 2 };

const flag = (defaultVariant: string) => ({ state: 'ENABLED', variants: { on: true, off: false }, defaultVariant });
const FLAGS = { metrics_enabled: flag('on'), tracing_enabled: flag('off') };

/** A release for each mode, by its name: its values, and the ConfigMap with its flags. */
const MODES: Readonly<Record<string, { readonly values: () => Values; readonly configMap: string }>> = {
  file: { values: () => ({}), configMap: 'file-hello-world-flags' },
  sidecar: {
    values: () => ({ flagd: { mode: 'sidecar', image: clusterImages().flagd } }),
    configMap: 'sidecar-hello-world-flags',
  },
  external: {
    values: () => ({
      flagd: { mode: 'external', host: 'flagd' },
      networkPolicy: {
        egress: {
          flagd: { to: [{ namespaceSelector: NAMESPACE_OF_TESTS, podSelector: { matchLabels: { app: 'flagd' } } }] },
        },
      },
    }),
    configMap: 'flagd',
  },
};

describeUnless(whyNoCluster())('6 flags: an edited ConfigMap changes what running pods do', () => {
  let namespace: Namespace;

  beforeAll(async () => {
    namespace = await Namespace.create('flags');
    await startFlagd(namespace, FLAGS);
    for (const [release, { values }] of Object.entries(MODES)) {
      await namespace.install(over(FIXED, values()), { release });
    }
  }, 300_000);

  afterAll(async () => namespace.delete(), 120_000);

  /** Names of the release's pods that are ready, with the restarts of all their containers. */
  async function serving(release: string): Promise<string[]> {
    const pods = await namespace.readyPods(release);
    return pods
      .map(({ metadata, status }) => {
        const restarts = [...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])];
        return `${metadata.name}: ${restarts.map(({ restartCount }) => restartCount).join()}`;
      })
      .sort();
  }

  /** As an operator would, by `kubectl edit`. */
  async function edit(configMap: string, defaultVariant: string): Promise<void> {
    const [found] = await namespace.get('configmap', configMap);
    const { flags } = JSON.parse(found?.data?.['flags.flagd.json'] ?? '') as { flags: typeof FLAGS };
    const edited = { flags: { ...flags, metrics_enabled: { ...flags.metrics_enabled, defaultVariant } } };
    const patch = { data: { 'flags.flagd.json': JSON.stringify(edited) } };
    await namespace.kubectl(['patch', 'configmap', configMap, '--type=merge', '--patch', JSON.stringify(patch)]);
  }

  /** Waits until all pods of the release answer so to a scrape. @returns the seconds that the first and the last took */
  async function answer(release: string, status: number): Promise<string> {
    const began = Date.now();
    const seconds = await Promise.all(
      (await namespace.readyPods(release)).map(async ({ metadata }) => {
        await runIn(namespace, metadata.name, AWAIT_STATUS, METRICS, String(status));
        return Math.round((Date.now() - began) / 1_000);
      }),
    );
    return [...new Set(seconds)].sort((one, other) => one - other).join(' and ');
  }

  it.each(Object.keys(MODES))(
    'mode %s: metrics are switched off and on, and no pod restarts',
    async (release) => {
      const { configMap = '' } = MODES[release] ?? {};
      await answer(release, 200);
      const before = await serving(release);

      await edit(configMap, 'off');
      figure(`off after ${await answer(release, 404)} s`);
      const off = await Promise.all(
        (await namespace.readyPods(release)).map(({ metadata }) => fetchFrom(namespace, metadata.name, METRICS)),
      );
      await edit(configMap, 'on');
      figure(`on after ${await answer(release, 200)} s`);

      expect(off).toEqual(['404 metrics disabled', '404 metrics disabled']);
      expect(before).toHaveLength(2);
      expect(await serving(release)).toEqual(before);
    },
    600_000,
  );

  it('a release with other flags: Helm refuses to undo an edit unless it is told to, and replaces no pod', async () => {
    const before = await serving('file');
    const values = over(FIXED, { flags: { metrics_enabled: { defaultVariant: 'off' } } });

    const refused = await namespace.tryInstall(values, { release: 'file' });
    await namespace.install(values, { release: 'file', flags: ['--force-conflicts'] });
    figure(`off after ${await answer('file', 404)} s`);

    expect(refused.ok).toBe(false);
    expect(refused.stderr).toMatch(/file-hello-world-flags.*conflict with "kubectl-patch".*\.data\.flags\.flagd\.json/);
    expect(before).toHaveLength(2);
    expect(await serving('file')).toEqual(before);
  }, 600_000);
});
