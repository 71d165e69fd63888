import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { kubectl, manifest, Namespace, type Outcome, PATIENCE_MS, whyNoCluster } from '../support/cluster.js';
import { clusterImages } from '../support/cluster-images.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import {
  type KubeObject,
  LEAST_VALUES,
  over,
  type PodSpec,
  pods,
  render,
  servicePod,
  VALUE_SETS,
  type Values,
} from '../support/helm.js';
import { describeUnless } from '../support/unless.js';

jest.setTimeout(PATIENCE_MS);

/** The value sets, less what in them is not the chart's. */
const SETS: readonly (readonly [name: string, values: Values])[] = Object.entries(VALUE_SETS).map(([name, values]) => [
  name,
  over(values, { extraContainers: [] }),
]);

/** What the chart can be asked for, or a hand could change, and what Pod Security calls it. */
const VARIANTS: readonly (readonly [name: string, spec: object, container: object, refusal: RegExp])[] = [
  [
    'root',
    { runAsUser: 0, runAsNonRoot: false },
    { runAsUser: 0, runAsNonRoot: false },
    /runAsNonRoot != true .*runAsUser=0/,
  ],
  ['the user 0', { runAsUser: 0 }, { runAsUser: 0 }, /runAsUser=0 .*must not set runAsUser=0/],
  [
    'privileged',
    {},
    { privileged: true, allowPrivilegeEscalation: true },
    /privileged \(container "hello-world" must not set securityContext\.privileged=true\)/,
  ],
  ['escalation', {}, { allowPrivilegeEscalation: true }, /allowPrivilegeEscalation != false/],
  [
    'a capability',
    {},
    { capabilities: { drop: ['ALL'], add: ['NET_ADMIN'] } },
    /must not include "NET_ADMIN" in securityContext\.capabilities\.add/,
  ],
  [
    'all system calls',
    { seccompProfile: { type: 'Unconfined' } },
    { seccompProfile: { type: 'Unconfined' } },
    /seccompProfile .*must not set securityContext\.seccompProfile\.type to "Unconfined"/,
  ],
];

describeUnless(whyNoCluster())('2 Pod Security restricted', () => {
  let namespace: Namespace;

  beforeAll(async () => {
    namespace = await Namespace.create('security');
  });

  afterAll(async () => namespace.delete());

  const tryPod = (name: string, spec: PodSpec): Promise<Outcome> =>
    namespace.tryKubectl(['create', '--dry-run=server', '-f', '-'], { input: manifest([podObject(name, spec)]) });

  it.each(SETS)('kubectl apply, what the chart makes of the values %s → no warning', async (_name, values) => {
    const made = await ofKnownKinds(render(values, { namespace: namespace.name }));
    const objects = made.filter(({ kind }) => kind !== 'Pod'); // Those are admitted below.

    const { ok, stderr } = await namespace.tryKubectl(['apply', '--dry-run=server', '-f', '-'], {
      input: manifest(objects),
    });

    expect({ ok, stderr }).toEqual({ ok: true, stderr: '' });
    figure(`${objects.length} objects`);
  });

  it.each(SETS)('each pod of the values %s, migration and test included → is admitted', async (_name, values) => {
    const all = pods(render(values, { namespace: namespace.name }));

    expect(all.length).toBeGreaterThan(1);
    for (const [name, spec] of all)
      expect([name, await tryPod('a', spec)]).toEqual([name, expect.objectContaining({ ok: true, stderr: '' })]);
  });

  describe('where it only warns', () => {
    let warned: Namespace;

    beforeAll(async () => {
      warned = await Namespace.create('warned', { 'pod-security.kubernetes.io/enforce': 'privileged' });
    });

    afterAll(async () => warned.delete());

    it('helm upgrade --install → says nothing of the chart, but does of a variant that is root', async () => {
      const image = { image: clusterImages().service };
      const well = await warned.tryHelm(
        ['upgrade', '--install', 'hello-world', '--values', '-', 'deploy/helm/hello-world'],
        { input: JSON.stringify(image) },
      );
      const root = await warned.tryHelm(
        ['upgrade', '--install', 'hello-world', '--values', '-', 'deploy/helm/hello-world'],
        {
          input: JSON.stringify(over(image, variant('root'))),
        },
      );

      expect(well).toMatchObject({ ok: true, stderr: '' });
      expect(root.stderr).toMatch(/would violate PodSecurity .*runAsNonRoot/);
    });
  });

  it.each(VARIANTS)('a pod with %s → is refused by that name', async (_name, pod, container, refusal) => {
    const values = over(LEAST_VALUES, { podSecurityContext: pod, securityContext: container });

    const { ok, stderr } = await tryPod('variant', servicePod(render(values)));

    expect(ok).toBe(false);
    expect(stderr).toMatch(/violates PodSecurity "restricted:latest"/);
    expect(stderr).toMatch(refusal);
    figure(/violates PodSecurity "[^"]*": (.*)/.exec(stderr)?.[1] ?? '');
  });

  it('an upgrade to a privileged variant → makes no pod, says why, and the old version keeps serving', async () => {
    await namespace.install();
    const before = await namespace.readyPods();

    await namespace.tryInstall(
      { securityContext: { privileged: true, allowPrivilegeEscalation: null } },
      { flags: ['--wait=false'] },
    );
    await namespace.kubectl(['wait', '--for=condition=ReplicaFailure', 'deployment/hello-world', '--timeout=60s']);

    const failure = await namespace.kubectl([
      'get',
      'deployment/hello-world',
      '--output=jsonpath={.status.conditions[?(@.type=="ReplicaFailure")].message}',
    ]);
    expect(failure).toMatch(/violates PodSecurity .*must not set securityContext\.privileged=true/);
    await eventually('the old pods serve', async () => (await namespace.readyPods()).length >= before.length);
    expect((await namespace.readyPods()).map(({ metadata }) => metadata.uid)).toEqual(
      expect.arrayContaining(before.map(({ metadata }) => metadata.uid)),
    );
  });
});

const variant = (name: string): Values => {
  const [, podSecurityContext, securityContext] = VARIANTS.find(([one]) => one === name) ?? [];
  return { podSecurityContext, securityContext };
};

/** A pod as the chart makes it, by itself: without the account and the priority class, which this cluster does not have. */
function podObject(
  name: string,
  { serviceAccountName: _account, priorityClassName: _class, ...spec }: PodSpec,
): object {
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec };
}

/** Those that the cluster can be asked about: kinds of controllers that it does not have are left out. */
async function ofKnownKinds(objects: readonly KubeObject[]): Promise<KubeObject[]> {
  const versions = (await kubectl(['api-versions'])).split('\n');
  return objects.filter(({ apiVersion }) => versions.includes(apiVersion));
}
