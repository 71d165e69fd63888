import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import {
  askKubectl,
  kubectl,
  manifest,
  type Outcome,
  PATIENCE_MS,
  tryKubectl,
  whyNoCluster,
} from '../support/cluster.js';
import { guardObjects } from '../support/cluster-guard.js';
import { kubectlAs, serviceAccount } from '../support/cluster-people.js';
import { eventually } from '../support/eventually.js';
import { figure } from '../support/figures.js';
import { ACME, FluxTree } from '../support/flux.js';
import type { KubeObject } from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless, itUnless } from '../support/unless.js';

jest.setTimeout(PATIENCE_MS);

/** A policy holds some moments after it was made. */
const IN_FORCE_WITHIN_MS = 60_000;

const NON_PROD = ACME['identity-non-prod']!['host']!;

const ingress = (host: string | undefined, spec: object = {}, annotations: object = {}) => ({
  apiVersion: 'networking.k8s.io/v1',
  kind: 'Ingress',
  metadata: { name: 'hw', annotations },
  spec: { rules: [{ ...(host === undefined ? {} : { host }), http: { paths: [path] } }], ...spec },
});
const backend = { service: { name: 'hello-world', port: { name: 'http' } } };
const path = { path: '/', pathType: 'Exact', backend };
const route = (hostnames: readonly string[]) => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: { name: 'hw' },
  spec: { hostnames, rules: [{ backendRefs: [{ name: 'hello-world', port: 80 }] }] },
});
const certificate = (dnsNames: readonly string[]) => ({
  apiVersion: 'cert-manager.io/v1',
  kind: 'Certificate',
  metadata: { name: 'hw' },
  spec: { secretName: 'hw-tls', dnsNames, issuerRef: { kind: 'ClusterIssuer', name: 'hw' } },
});

/** Claims of a host that is not the preview's, and what the refusal says of them. */
const FOREIGN_INGRESSES: readonly (readonly [name: string, claim: (own: string) => object, refusal: string])[] = [
  ["non-prod's host", () => ingress(NON_PROD), `and not ${NON_PROD}`],
  ['the host of another preview', () => ingress('pr-1.preview.acme.com'), 'and not pr-1.preview.acme.com'],
  ['every host of the domain', () => ingress('*.preview.acme.com'), 'and not *.preview.acme.com'],
  ['no host, which is every one', () => ingress(undefined), 'and not every one'],
  ['what nobody else takes', (own) => ingress(own, { defaultBackend: backend }), 'and not every one'],
  ['TLS for another host', (own) => ingress(own, { tls: [{ hosts: [own, NON_PROD] }] }), `tls is not for ${NON_PROD}`],
  [
    'another host, by an annotation',
    (own) => ingress(own, {}, { 'nginx.ingress.kubernetes.io/server-alias': NON_PROD }),
    'none is added by nginx.ingress.kubernetes.io/server-alias',
  ],
];

/** Why the cluster cannot say anything of a kind. */
const whyNoKind = (resource: string): string | undefined =>
  askKubectl(['get', 'customresourcedefinition', resource]) === undefined
    ? `the cluster has no ${resource}`
    : undefined;

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
          kind !== 'ServiceAccount' &&
          (metadata.name.startsWith(name) || /^hello-world-(only|hosts)-hw-/.test(metadata.name)),
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

  describe('a host', () => {
    const own = `${preview.replace('hello-world-', '')}.${ACME['identity-previews']!['domain']}`;
    /** As whoever may do anything. */
    const claim = (object: object): Promise<Outcome> =>
      tryKubectl(['create', `--namespace=${preview}`, '--dry-run=server', '-f', '-'], { input: manifest([object]) });
    const refused = async (object: object, refusal: string): Promise<void> => {
      const { ok, stderr } = await claim(object);

      expect(ok).toBe(false);
      expect(stderr).toContain(`the host of this preview is ${own}, and `);
      expect(stderr).toContain(refusal);
    };

    beforeAll(async () =>
      eventually('the policy holds', async () => !(await claim(ingress(NON_PROD))).ok, IN_FORCE_WITHIN_MS),
    );

    it("that is the preview's own → is claimed by its Ingress, with TLS", async () => {
      expect(await claim(ingress(own, { tls: [{ hosts: [own], secretName: 'hw-tls' }] }))).toMatchObject({ ok: true });
    });

    it.each(FOREIGN_INGRESSES)('an Ingress that claims %s → is refused by name', async (_name, foreign, refusal) =>
      refused(foreign(own), refusal),
    );

    it('an Ingress that had its own host → does not get another', async () => {
      await kubectl(['create', `--namespace=${preview}`, '-f', '-'], { input: manifest([ingress(own)]) });

      const patch = JSON.stringify([{ op: 'replace', path: '/spec/rules/0/host', value: NON_PROD }]);
      const { ok, stderr } = await tryKubectl([
        'patch',
        'ingress/hw',
        `--namespace=${preview}`,
        '--type=json',
        `--patch=${patch}`,
      ]);

      expect(ok).toBe(false);
      expect(stderr).toContain(`the host of this preview is ${own}, and not ${NON_PROD}`);
    });

    itUnless(whyNoKind('httproutes.gateway.networking.k8s.io'))(
      'an HTTPRoute → claims its own, and none else, and not all that a Gateway has',
      async () => {
        expect(await claim(route([own]))).toMatchObject({ ok: true });
        await refused(route([own, NON_PROD]), `and not ${NON_PROD}`);
        await refused(route([]), 'and not every one');
      },
    );

    itUnless(whyNoKind('certificates.cert-manager.io'))('a Certificate → is for its own, and none else', async () => {
      expect(await claim(certificate([own]))).toMatchObject({ ok: true });
      await refused(certificate([own, NON_PROD]), `and not ${NON_PROD}`);
    });

    it('the policy → is understood by the API server, types included', async () => {
      await eventually('it was checked', async () => {
        const checked = [
          'get',
          'validatingadmissionpolicy',
          `hello-world-hosts-${name}`,
          '--output=jsonpath={.status}',
        ];
        return (await kubectl(checked)).includes('"typeChecking":{}');
      });
    });

    it('in another namespace → is not looked at', async () => {
      const elsewhere = await tryKubectl(['create', '--namespace=default', '--dry-run=server', '-f', '-'], {
        input: manifest([ingress(NON_PROD)]),
      });

      expect(elsewhere).toMatchObject({ ok: true });
    });
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
