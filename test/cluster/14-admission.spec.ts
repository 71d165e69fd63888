import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { kubectl, manifest, type Outcome, PATIENCE_MS, tryKubectl, whyNoCluster } from '../support/cluster.js';
import { ClusterEnvironment, registryOf } from '../support/cluster-environment.js';
import { clusterImages, imageReference } from '../support/cluster-images.js';
import { restrictedPod } from '../support/cluster-neighbours.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { type KubeObject, podOf } from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

jest.setTimeout(PATIENCE_MS);

type Maker = (image: string) => object;

const DIGEST = `sha256:${'a'.repeat(64)}`;
/** A policy holds some moments after it was made. */
const IN_FORCE_WITHIN_MS = 60_000;

const pod = (image: string): KubeObject => restrictedPod('hw', { image }) as KubeObject;
const containersOf = (image: string) => [{ ...podOf(pod(image)).containers[0], name: 'first' }];
const template = (image: string) => ({ metadata: { labels: { app: 'hw' } }, spec: pod(image).spec });
/** A kind that keeps pods running. */
const workload =
  (kind: string, further: object = {}): Maker =>
  (image) => {
    const spec = { ...pod(image).spec, restartPolicy: 'Always' };
    return {
      apiVersion: 'apps/v1',
      kind,
      metadata: { name: 'hw' },
      spec: { selector: { matchLabels: { app: 'hw' } }, template: { ...template(image), spec }, ...further },
    };
  };
const job = (image: string) => ({ template: template(image) });

/** All that brings an image to a node. */
const MAKERS: readonly (readonly [name: string, make: Maker])[] = [
  ['a pod', pod],
  [
    'a pod, before it starts',
    (image) => ({ ...pod(ours()), spec: { ...pod(ours()).spec, initContainers: containersOf(image) } }),
  ],
  ['a Deployment', workload('Deployment')],
  ['a StatefulSet', workload('StatefulSet', { serviceName: 'hw' })],
  ['a DaemonSet', workload('DaemonSet')],
  ['a ReplicaSet', workload('ReplicaSet')],
  ['a Job', (image) => ({ apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'hw' }, spec: job(image) })],
  [
    'a CronJob',
    (image) => ({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'hw' },
      spec: { schedule: '0 0 1 1 *', jobTemplate: { spec: job(image) } },
    }),
  ],
];

const ours = (): string => imageReference(clusterImages().service);

describeUnless(whyNoCluster() ?? whyNoTool('kustomize'))('14 the admission policies of deploy/flux', () => {
  let environment: ClusterEnvironment;
  let registry: string;

  const tryCreate = (object: object): Promise<Outcome> =>
    environment.namespace.tryKubectl(['create', '--dry-run=server', '-f', '-'], { input: manifest([object]) });

  beforeAll(async () => {
    environment = await ClusterEnvironment.create('prod', 'admission');
    registry = registryOf(clusterImages().service);
    await eventually(
      'the policy holds',
      async () => !(await tryCreate(pod(`docker.io/x@${DIGEST}`))).ok,
      IN_FORCE_WITHIN_MS,
    );
  });

  afterAll(async () => environment.delete());

  it('are understood by the API server, types included', async () => {
    const policies = await kubectl(['get', 'validatingadmissionpolicies', '--output=json']);

    const { items } = JSON.parse(policies) as { items: (KubeObject & { status?: { typeChecking?: object } })[] };
    const own = items.filter(({ metadata }) => metadata.name.endsWith(environment.namespace.name));
    expect(own).toHaveLength(2);
    await eventually('they were checked', async () => {
      const checked = await kubectl([
        'get',
        'validatingadmissionpolicies',
        ...own.map(({ metadata }) => metadata.name),
        '--output=jsonpath={.items[*].status.typeChecking}',
      ]);
      return checked.includes('{}');
    });
  });

  it.each(MAKERS)(
    '%s → passes by a digest of our registry; else it is refused, and the image named',
    async (_name, make) => {
      const refusals = [
        ['only images of', `docker.io/library/busybox@${DIGEST}`],
        ['only images of', `${registry}.example.com/hello-world@${DIGEST}`],
        ['images need a digest (name:tag@sha256:…)', `${registry}/hello-world:1.0.0`],
        ['latest says nothing of what runs, even before a digest', `${registry}/hello-world:latest@${DIGEST}`],
      ] as const;

      expect(await tryCreate(make(ours()))).toMatchObject({ ok: true, stderr: '' });
      for (const [reason, image] of refusals) {
        const { ok, stderr } = await tryCreate(make(image));

        expect([image, ok]).toEqual([image, false]);
        expect(stderr).toContain(reason);
        expect(stderr).toContain(image);
      }
      figure(`${refusals.length} refused`);
    },
  );

  describe('a container that is added to a running pod', () => {
    const debug = (image: string) =>
      environment.namespace.tryKubectl([
        'debug',
        'running',
        '--profile=restricted',
        '--target=running',
        `--image=${image}`,
        '--',
        '/usr/local/bin/node',
        '--version',
      ]);

    beforeAll(async () => {
      await environment.namespace.apply(restrictedPod('running', { image: ours() }));
      await environment.namespace.kubectl(['wait', '--for=condition=Ready', 'pod/running', '--timeout=120s']);
    });

    it('by a digest of our registry → is added', async () => {
      expect(await debug(ours())).toMatchObject({ ok: true });
    });

    it('of a foreign registry, or by a tag → is refused', async () => {
      expect((await debug(`docker.io/library/busybox@${DIGEST}`)).stderr).toContain(
        `only images of ${registry} may run here`,
      );
      expect((await debug(`${registry}/hello-world:1.0.0`)).stderr).toContain('images need a digest');
    });
  });

  it('in another namespace → refuse nothing', async () => {
    const { ok } = await tryKubectl(['create', '--namespace=default', '--dry-run=server', '-f', '-'], {
      input: manifest([pod('docker.io/library/busybox')]),
    });

    expect(ok).toBe(true);
  });

  it('after a move to another registry → what runs is labelled, scaled down and deleted; what is new is refused', async () => {
    const { namespace } = environment;
    await namespace.apply(workload('Deployment', { replicas: 1 })(ours()));
    await namespace.kubectl(['rollout', 'status', 'deployment/hw', '--timeout=120s']);
    await environment.moveTo('registry.example.com/acme');
    await eventually('the new registry counts', async () => !(await tryCreate(pod(ours()))).ok, IN_FORCE_WITHIN_MS);

    await namespace.kubectl(['label', 'deployment/hw', 'a=b']);
    const changed = await namespace.tryKubectl(['set', 'env', 'deployment/hw', 'A=B']);
    await namespace.kubectl(['scale', 'deployment/hw', '--replicas=0']);
    await namespace.kubectl(['delete', 'deployment/hw', '--wait']);

    expect(changed.ok).toBe(false);
    expect(changed.stderr).toContain('only images of registry.example.com/acme may run here');
  });

  it('are gone with what a test leaves', async () => {
    await environment.delete();

    const left = await kubectl([
      'get',
      'validatingadmissionpolicies,validatingadmissionpolicybindings',
      '--output=name',
    ]);
    expect(left).not.toContain(environment.namespace.name);
  });
});
