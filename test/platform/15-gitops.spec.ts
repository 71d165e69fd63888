/**
 * deploy/flux by the Flux of the cluster, from a Git server and a registry of this machine (cluster-relay.ts). In the
 * test's copy the chart is signed by a key, as keyless signatures need Sigstore's servers; what the cluster has no CRDs
 * of (cert-manager, Prometheus operator) is left out, and without External Secrets the Secrets are plain ones in Git.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { kubectl, type Pod, servicePods, tryKubectl, whyNoCluster } from '../support/cluster.js';
import type { EnvironmentName } from '../support/cluster-environment.js';
import { askFlux, condition, waitFor, waitForRevision, whyNoFlux } from '../support/cluster-flux.js';
import { clusterImages, imageReference } from '../support/cluster-images.js';
import { Load } from '../support/cluster-load.js';
import { kubectlAs, OPERATOR } from '../support/cluster-people.js';
import { figure } from '../support/figures.js';
import { ENVIRONMENTS } from '../support/flux.js';
import { GitOps, namespaceOf, PREVIEW, PREVIEW_NAMESPACE } from '../support/gitops.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

/** Several releases, one after the other, on a machine that has other things to do. */
const RELEASED_WITHIN_MS = 900_000;
const NOTICED_WITHIN_MS = 120_000;

const RELEASE = 'helmrelease/hello-world';
const CHART_SOURCE = 'ocirepository/hello-world-chart';
const FLAGS = 'configmap/hello-world-flags';
const nonProd = namespaceOf('non-prod');
const prod = namespaceOf('prod');

const since = (began: number): string => `${Math.round((Date.now() - began) / 1_000)} s`;
const missingTool = ['git', 'kustomize', 'cosign'].map(whyNoTool).find((reason) => reason !== undefined);

const inside = (namespace: string, ...args: readonly string[]): Promise<string> =>
  kubectl(['--namespace', namespace, ...args]);
const read = (namespace: string, object: string, path: string): Promise<string> =>
  inside(namespace, 'get', object, `--output=jsonpath={${path}}`);

/** The pods of the service in a namespace, by uid: what each runs. */
async function running(namespace: string): Promise<Record<string, string | undefined>> {
  const pods = await inside(namespace, 'get', 'pods', '--selector', servicePods(), '--output=json');
  const { items } = JSON.parse(pods) as { items: readonly Pod[] };
  const staying = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return Object.fromEntries(staying.map(({ metadata, spec }) => [metadata.uid, spec.containers[0]?.image]));
}

async function imagesIn(namespace: string): Promise<unknown[]> {
  return [...new Set(Object.values(await running(namespace)))];
}

/** Everything of ours outside of namespaces that go, and the kinds that the cluster knows. */
async function ofCluster(): Promise<{ ours: string[]; kinds: string[] }> {
  const kinds =
    'namespaces,clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings';
  const inFlux = 'serviceaccounts,gitrepositories,kustomizations,helmcharts';
  const names = await kubectl(['get', kinds, '--output=name']);
  const namesInFlux = await inside('flux-system', 'get', inFlux, '--output=name');
  return {
    ours: `${names}${namesInFlux}`.split('\n').filter((name) => /hello-world-.*(prod|preview|pr-)/.test(name)),
    kinds: (await kubectl(['get', 'customresourcedefinitions', '--output=name'])).trim().split('\n'),
  };
}

describeUnless(whyNoCluster() ?? missingTool ?? whyNoFlux())('15 GitOps from end to end, by Flux', () => {
  let gitops: GitOps;
  let kindsBefore: readonly string[];
  let flagsInGit: string;

  beforeAll(async () => {
    kindsBefore = (await ofCluster()).kinds;
    gitops = await GitOps.start();
  }, RELEASED_WITHIN_MS);

  afterAll(async () => gitops.stop(), RELEASED_WITHIN_MS);

  /** From the environment's Flux, to Slack. */
  const told = async (environment: EnvironmentName, color: 'danger' | 'good', text: string): Promise<void> => {
    await gitops.slack.waitFor(`“${text}”`, ({ path, body }) => {
      const [attachment] = body.attachments ?? [];
      return path === `/${environment}` && attachment?.color === color && attachment.text.includes(text);
    });
  };

  it(
    'kubectl apply -k, once for each environment → Flux goes through all steps, until both releases are ready and tested',
    async () => {
      const began = Date.now();
      const revision = gitops.repository.commit('the first');
      for (const environment of ENVIRONMENTS) await gitops.apply(environment);

      for (const environment of ENVIRONMENTS) {
        await gitops.delivered(environment, revision);
        figure(`${environment} after ${since(began)}`);
      }
      figure(gitops.platform);

      for (const namespace of [nonProd, prod]) {
        expect(await imagesIn(namespace)).toEqual([imageReference(clusterImages().service)]);
        expect(await condition(namespace, RELEASE, 'TestSuccess')).toMatchObject({ status: 'True' });
      }
      expect(await read(nonProd, RELEASE, '.status.history[0].chartVersion')).toContain(revision.slice(-40, -28));
      expect(await condition(prod, CHART_SOURCE, 'SourceVerified')).toMatchObject({ status: 'True' });
    },
    RELEASED_WITHIN_MS,
  );

  it(
    'somebody changes the Deployment, and an operator a flag → Flux undoes the first, and leaves the second',
    async () => {
      const { service, next } = clusterImages();
      flagsInGit = await read(nonProd, FLAGS, '.data');
      const switched = flagsInGit.replaceAll('off', 'on');
      const operator = kubectlAs(OPERATOR);
      const image = '.spec.template.spec.containers[0].image';

      await inside(nonProd, 'patch', FLAGS, ...operator, `--patch={"data":${switched}}`);
      await inside(
        nonProd,
        'set',
        'image',
        'deployment/hello-world',
        `hello-world=${imageReference(next)}`,
        ...operator,
      );
      const began = Date.now();
      await askFlux(nonProd, RELEASE);
      const as = `jsonpath={${image}}=${imageReference(service)}`;
      await waitFor(nonProd, 'deployment/hello-world', as, NOTICED_WITHIN_MS);

      figure(`undone ${since(began)} after Flux was asked to look`);
      await inside(nonProd, 'rollout', 'status', 'deployment/hello-world', '--timeout=300s');
      await waitFor(nonProd, RELEASE, 'condition=Ready', RELEASED_WITHIN_MS);
      expect(switched).not.toBe(flagsInGit);
      expect(await read(nonProd, FLAGS, '.data')).toBe(switched);
    },
    RELEASED_WITHIN_MS,
  );

  it(
    'a commit with a new digest, under load → is rolled out, and no request fails; the flag is as Git has it again',
    async () => {
      const load = await Load.start(gitops.around, { url: `http://hello-world.${nonProd}` });
      const began = Date.now();
      gitops.setImage('non-prod', clusterImages().next);
      const revision = await gitops.push('the next image');

      await gitops.delivered('non-prod', revision);
      figure(`tested ${since(began)} after the commit`);
      const { sent, failed, failures, p99Ms } = await load.stop();

      figure(`${failed} of ${sent} requests failed, p99 ${p99Ms} ms`);
      expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
      expect(await imagesIn(nonProd)).toEqual([imageReference(clusterImages().next)]);
      expect(await read(nonProd, FLAGS, '.data')).toBe(flagsInGit);
    },
    RELEASED_WITHIN_MS,
  );

  it(
    'a digest that never gets ready, under load → is tried twice and rolled back, Slack is told, and no request fails',
    async () => {
      const load = await Load.start(gitops.around, { url: `http://hello-world.${nonProd}` });
      const began = Date.now();
      gitops.setImage('non-prod', clusterImages().unready);
      await gitops.push('never ready');

      await waitFor(nonProd, RELEASE, 'condition=Stalled', RELEASED_WITHIN_MS);
      figure(`rolled back for good after ${since(began)}`);
      const { sent, failed, failures } = await load.stop();

      figure(`${failed} of ${sent} requests failed`);
      expect({ failed, failures }).toEqual({ failed: 0, failures: [] });
      expect(await condition(nonProd, RELEASE, 'Stalled')).toMatchObject({
        message: 'Failed to upgrade after 2 attempt(s)',
      });
      expect(await imagesIn(nonProd)).toEqual([imageReference(clusterImages().next)]);
      await told('non-prod', 'danger', 'Helm upgrade failed');
      await told('non-prod', 'good', 'Helm rollback to previous release');
    },
    RELEASED_WITHIN_MS,
  );

  it(
    'the commit that mends it → is rolled out',
    async () => {
      const began = Date.now();
      gitops.setImage('non-prod', clusterImages().service);
      const revision = await gitops.push('mended');

      await gitops.delivered('non-prod', revision, RELEASED_WITHIN_MS);

      figure(`after ${since(began)}`);
      expect(await imagesIn(nonProd)).toEqual([imageReference(clusterImages().service)]);
    },
    RELEASED_WITHIN_MS,
  );

  it.each([
    ['that nobody has signed', () => gitops.charts.push('\n# tampered with\n')],
    ['that somebody else has signed', () => gitops.pushSignedByStranger('\n# tampered with by somebody\n')],
  ])(
    'prod, a chart %s, under the same tag → is refused, Slack is told, and what runs goes on',
    async (_which, push) => {
      const before = await running(prod);
      const digest = await push();
      gitops.setChart(digest);

      await gitops.push('tampered with');
      await waitFor(prod, CHART_SOURCE, `jsonpath={.spec.ref.digest}=${digest}`, NOTICED_WITHIN_MS);
      await waitFor(prod, CHART_SOURCE, 'condition=SourceVerified=false', NOTICED_WITHIN_MS);

      await told('prod', 'danger', digest);
      const verified = await condition(prod, CHART_SOURCE, 'SourceVerified');
      figure(/: ([^:]+) for '/.exec(verified?.message ?? '')?.[1] ?? '');
      expect(await read(prod, RELEASE, '.status.history[*].ociDigest')).not.toContain(digest);
      expect(await running(prod)).toEqual(before);
    },
    RELEASED_WITHIN_MS,
  );

  it(
    'prod, the next chart, signed by us, and the next image → one release has both; in non-prod no pod is replaced',
    async () => {
      const before = await running(nonProd);
      const version = Number(await read(prod, RELEASE, '.status.history[0].version'));
      const began = Date.now();
      const digest = await gitops.pushSigned('\n# the next\n');
      gitops.setChart(digest);
      gitops.setImage('prod', clusterImages().next);

      const revision = await gitops.push('the next chart and image');
      for (const environment of ENVIRONMENTS) await gitops.delivered(environment, revision);
      await waitFor(prod, RELEASE, `jsonpath={.status.history[0].ociDigest}=${digest}`, NOTICED_WITHIN_MS);

      figure(`after ${since(began)}`);
      expect(await imagesIn(prod)).toEqual([imageReference(clusterImages().next)]);
      expect(await read(prod, RELEASE, '.status.history[0].version')).toBe(String(version + 1));
      expect(await running(nonProd)).toEqual(before);
    },
    RELEASED_WITHIN_MS,
  );

  it(
    'preview.ts create → a namespace with the service; preview.ts remove → nothing is left of it',
    async () => {
      const { service } = clusterImages();
      const number = PREVIEW.replace('pr-', '');
      const began = Date.now();

      const created = await gitops.repository.preview('create', number, '--digest', service.digest);
      await askFlux('flux-system', 'gitrepository/hello-world-previews');
      await waitForRevision('flux-system', 'hello-world-previews', created.revision, RELEASED_WITHIN_MS);
      await waitFor(PREVIEW_NAMESPACE, RELEASE, 'condition=Ready', RELEASED_WITHIN_MS);
      figure(`there after ${since(began)}`);
      const { repository, digest } = service;
      expect(await imagesIn(PREVIEW_NAMESPACE)).toEqual([`${repository}:${PREVIEW}@${digest}`]);

      const removing = Date.now();
      await gitops.repository.preview('remove', number);
      await askFlux('flux-system', 'gitrepository/hello-world-previews');
      await waitFor('flux-system', `namespace/${PREVIEW_NAMESPACE}`, 'delete', RELEASED_WITHIN_MS);
      figure(`gone after ${since(removing)}`);
    },
    RELEASED_WITHIN_MS,
  );

  it(
    'the documented commands that take an environment away → nothing of it is left, and the CRDs are as before',
    async () => {
      for (const environment of ENVIRONMENTS) await gitops.takeAway(environment);

      const { ours, kinds } = await ofCluster();
      expect(ours).toEqual([]);
      expect(kinds).toEqual(expect.arrayContaining([...kindsBefore]));
      expect((await tryKubectl(['get', 'namespaces', nonProd, prod])).ok).toBe(false);
    },
    RELEASED_WITHIN_MS,
  );
});
