import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { kubectl, manifest, type Outcome, PATIENCE_MS, tryKubectl, whyNoCluster } from '../support/cluster.js';
import { guardObjects } from '../support/cluster-guard.js';
import { kubectlAs, serviceAccount } from '../support/cluster-people.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { FluxTree } from '../support/flux.js';
import type { KubeObject } from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

jest.setTimeout(PATIENCE_MS);

/** A policy holds some moments after it was made. */
const IN_FORCE_WITHIN_MS = 60_000;

describeUnless(whyNoCluster() ?? whyNoTool('kustomize'))('14 the account that makes previews', () => {
  /** A number that no pull request has, and a name that nobody else has. */
  const number = randomInt(900_000, 1_000_000);
  const name = `hw-previews-${number}`;
  const preview = `hello-world-pr-${number}`;
  const account = serviceAccount('flux-system', name);
  const tree = new FluxTree();
  const labels = { 'hello-world/preview': 'true', 'pod-security.kubernetes.io/enforce': 'restricted' };
  let objects: KubeObject[];
  let dismiss = () => {};

  const namespaceOf = (of: string, labelled: object = labels) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: of, labels: labelled },
  });
  const binding = (role: string) => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'hw' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'ServiceAccount', name: 'default', namespace: preview }],
  });
  const asAccount = (args: readonly string[], object?: object): Promise<Outcome> =>
    tryKubectl([...args, ...kubectlAs(account)], object === undefined ? {} : { input: manifest([object]) });
  const create = (object: object, ...args: readonly string[]): Promise<Outcome> =>
    asAccount(['create', '-f', '-', ...args], object);

  beforeAll(async () => {
    for (const file of ['previews/reconciler.yaml', 'previews/admission/only-previews.yaml']) {
      tree.edit(file, (text) =>
        text
          .replaceAll('hello-world-previews', name)
          .replaceAll('hello-world-preview-reconciler', `${name}-reconciler`),
      );
    }
    tree.edit('previews/admission/kustomization.yaml', (text) =>
      text.replace('nameSuffix: -previews', `nameSuffix: -${name}`),
    );
    objects = tree
      .build('non-prod')
      .filter(
        ({ kind, metadata }) =>
          kind !== 'ServiceAccount' && (metadata.name.startsWith(name) || metadata.name === `hello-world-only-${name}`),
      );
    const names = objects.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
    dismiss = guardObjects(...names, `namespace/${preview}`);
    await kubectl(['apply', '-f', '-'], { input: manifest(objects) });
    await eventually(
      'the policy holds',
      async () => /previews are in namespaces/.test((await create(namespaceOf('hw'), '--dry-run=server')).stderr),
      IN_FORCE_WITHIN_MS,
    );
  });

  afterAll(async () => {
    const names = objects.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
    await kubectl(['delete', ...names, `namespace/${preview}`, '--ignore-not-found']);
    dismiss();
    tree.remove();
  });

  it('a namespace of a preview → is made', async () => {
    expect(await create(namespaceOf(preview))).toMatchObject({ ok: true });
  });

  it('the roles of a preview in it → are handed out, and no others', async () => {
    const [own, view, admin] = [
      await create(binding(`${name}-reconciler`), `--namespace=${preview}`, '--dry-run=server'),
      await create(binding('view'), `--namespace=${preview}`, '--dry-run=server'),
      await create(binding('admin'), `--namespace=${preview}`, '--dry-run=server'),
    ];

    expect([own.ok, view.ok, admin.ok]).toEqual([true, true, false]);
    expect(admin.stderr).toContain('is attempting to grant RBAC permissions not currently held');
  });

  it.each(['hello-world-prod', 'kube-public', 'hello-world-pr-0'])(
    'the namespace %s → is not made, or touched',
    async (other) => {
      const made = await create(namespaceOf(other), '--dry-run=server');

      expect(made.ok).toBe(false);
      expect(made.stderr).toContain(`previews are in namespaces hello-world-pr-<number>, and not in ${other}`);
    },
  );

  it.each([
    ['is not labelled as a preview', { 'pod-security.kubernetes.io/enforce': 'restricted' }],
    [
      'does not enforce restricted',
      { 'hello-world/preview': 'true', 'pod-security.kubernetes.io/enforce': 'privileged' },
    ],
  ])('a namespace that %s → is refused', async (_name, labelled) => {
    const { ok, stderr } = await create(namespaceOf('hello-world-pr-1', labelled), '--dry-run=server');

    expect(ok).toBe(false);
    expect(stderr).toContain('the namespace of a preview is labelled hello-world/preview=true and');
  });

  it('another namespace, by its rights → is refused by the policy alone', async () => {
    const written = await create(binding('view'), '--namespace=kube-public', '--dry-run=server');
    const deleted = await asAccount([
      'delete',
      'serviceaccount',
      'default',
      '--namespace=kube-public',
      '--dry-run=server',
    ]);

    for (const { ok, stderr } of [written, deleted]) {
      expect(ok).toBe(false);
      expect(stderr).toContain('previews are in namespaces hello-world-pr-<number>, and not in kube-public');
    }
    figure(
      `refused by ValidatingAdmissionPolicy ${/ValidatingAdmissionPolicy '([^']+)'/.exec(written.stderr)?.[1]?.replace(name, 'previews')}`,
    );
  });
});
