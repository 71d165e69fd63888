/**
 * The admission policies, as far as can be said without an API server: where they hold, and what their patterns let
 * through. That the server takes and applies them is for `npm run test:cluster`.
 */
import { afterAll, describe, expect, it } from '@jest/globals';
import { ACME, ENVIRONMENTS, FluxTree } from '../support/flux.js';
import { type KubeObject, ofKind, theOne } from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

interface Policy {
  readonly failurePolicy: string;
  readonly matchConstraints: { readonly resourceRules: readonly Readonly<Record<string, readonly string[]>>[] };
  readonly matchConditions?: readonly { readonly expression: string }[];
  readonly variables?: readonly { readonly name: string; readonly expression: string }[];
  readonly validations: readonly {
    readonly expression: string;
    readonly message?: string;
    readonly messageExpression?: string;
  }[];
}

const tree = new FluxTree();
afterAll(() => tree.remove());

/** Words that a variable of CEL cannot be called: https://github.com/google/cel-spec/blob/master/doc/langdef.md */
const RESERVED = new Set(
  'as break const continue else false for function if import in let loop namespace null package return true var void while'.split(
    ' ',
  ),
);

/** The names of the policies end on the environment, as one cluster may have several. */
const SUFFIXES = [
  ['non-prod', 'non-prod'],
  ['prod', 'prod'],
  ['non-prod', 'previews'],
] as const;

const policyOf = (objects: readonly KubeObject[], name: string): Policy =>
  theOne(objects, 'ValidatingAdmissionPolicy', name).spec as unknown as Policy;
const variable = ({ variables }: Policy, name: string): string =>
  variables?.find((one) => one.name === name)?.expression ?? '';
/** The one pattern of an expression. */
const pattern = (expression: string): RegExp => new RegExp(/\.matches\('(.+?)'\)/.exec(expression)?.[1] ?? '$^');

describeUnless(whyNoTool('kustomize'))('admission', () => {
  it.each(ENVIRONMENTS)('%s: each policy is bound, refuses, and fails closed', (environment) => {
    const objects = tree.build(environment);
    const policies = ofKind(objects, 'ValidatingAdmissionPolicy');

    expect(policies.length).toBeGreaterThanOrEqual(2);
    for (const { metadata, spec } of policies) {
      expect(spec).toMatchObject({ failurePolicy: 'Fail' });
      expect(theOne(objects, 'ValidatingAdmissionPolicyBinding', metadata.name).spec).toMatchObject({
        policyName: metadata.name,
        validationActions: ['Deny'],
      });
      for (const { message, messageExpression } of (spec as unknown as Policy).validations) {
        expect(message ?? messageExpression).toEqual(expect.any(String));
      }
    }
  });

  it.each(ENVIRONMENTS)('%s: no variable has a name that CEL keeps for itself', (environment) => {
    const names = ofKind(tree.build(environment), 'ValidatingAdmissionPolicy')
      .flatMap(({ spec }) => (spec as unknown as Policy).variables ?? [])
      .map(({ name }) => name);

    expect(names).toContain('registry');
    expect(names.filter((name) => RESERVED.has(name) || !/^[A-Za-z_]\w*$/.test(name))).toEqual([]);
  });

  it.each(ENVIRONMENTS)('%s: images and Flux objects are looked at in its namespace', (environment) => {
    for (const name of ['images', 'flux-objects']) {
      const binding = theOne(
        tree.build(environment),
        'ValidatingAdmissionPolicyBinding',
        `hello-world-${name}-${environment}`,
      );

      expect(binding.spec).toMatchObject({
        matchResources: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': `hello-world-${environment}` } },
        },
      });
    }
  });

  describe.each(SUFFIXES)('images in %s, %s', (layer, suffix) => {
    const policy = () => policyOf(tree.build(layer), `hello-world-images-${suffix}`);

    it('are looked at in pods, in containers that are added to one, and in what makes pods', () => {
      expect(policy().matchConstraints.resourceRules.flatMap(({ resources }) => resources)).toEqual([
        'pods',
        'pods/ephemeralcontainers',
        'daemonsets',
        'deployments',
        'replicasets',
        'statefulsets',
        'cronjobs',
        'jobs',
      ]);
      expect(variable(policy(), 'images')).toMatch(/containers[^]*initContainers[^]*ephemeralContainers[^]*volumes/);
    });

    it('are looked at where they are new: what runs may be scaled down and stopped, also after the registry has changed', () => {
      const [condition] = policy().matchConditions ?? [];

      expect(condition?.expression).toMatch(/^request\.operation == 'CREATE' \|\| .*!= dyn\(oldObject\)/);
    });

    it('come from our registry, with its name to the end', () => {
      expect(variable(policy(), 'registry')).toBe(`'${ACME['identity']!['registry']}'`);
      expect(variable(policy(), 'foreign')).toContain("!image.startsWith(variables.registry + '/')");
    });

    it.each([
      [`registry/hello-world:1@sha256:${'0'.repeat(64)}`, true],
      [`registry/hello-world@sha256:${'f'.repeat(64)}`, true],
      ['registry/hello-world:1', false],
      ['registry/hello-world', false],
      [`registry/hello-world@sha256:${'0'.repeat(63)}`, false],
      [`registry/hello-world@sha256:${'0'.repeat(65)}`, false],
      [`registry/hello-world@md5:${'0'.repeat(64)}`, false],
      ['', false],
    ])('have a digest: %s → %s', (image, allowed) => {
      expect(pattern(variable(policy(), 'undetermined')).test(image)).toBe(allowed);
    });

    it.each([
      ['registry/hello-world:latest', true],
      [`registry/hello-world:latest@sha256:${'0'.repeat(64)}`, true],
      [`registry/hello-world:latest-1@sha256:${'0'.repeat(64)}`, false],
    ])('are not called latest: %s → refused: %s', (image, refused) => {
      expect(pattern(variable(policy(), 'latest')).test(image)).toBe(refused);
    });
  });

  describe('hosts of previews', () => {
    const policy = () => policyOf(tree.build('non-prod'), 'hello-world-hosts-previews');

    it('are looked at in every namespace of a preview, whoever asks, in all that claims one', () => {
      const { spec } = theOne(tree.build('non-prod'), 'ValidatingAdmissionPolicyBinding', 'hello-world-hosts-previews');

      expect(spec).toMatchObject({
        matchResources: { namespaceSelector: { matchLabels: { 'hello-world/preview': 'true' } } },
      });
      expect(policy().matchConstraints.resourceRules.flatMap(({ resources }) => resources)).toEqual(
        expect.arrayContaining(['ingresses', 'httproutes', 'certificates']),
      );
      expect(policy().matchConditions).toHaveLength(1);
    });

    it('are below the domain that previews are made for', () => {
      expect(variable(policy(), 'domain')).toBe(`'${ACME['identity-previews']!['domain']}'`);
      expect(variable(policy(), 'own')).toContain("request.namespace.replace('hello-world-', '') + '.' +");
    });
  });

  describe('the account of previews', () => {
    const policy = () => policyOf(tree.build('non-prod'), 'hello-world-only-previews');

    it('is the one that Flux works as, and everything it does is looked at', () => {
      const objects = tree.build('non-prod');
      const { spec, metadata } = theOne(objects, 'Kustomization', 'hello-world-previews');
      const account = (spec as { serviceAccountName: string }).serviceAccountName;

      expect(policy().matchConditions).toEqual([
        expect.objectContaining({
          expression: `request.userInfo.username == 'system:serviceaccount:${metadata.namespace}:${account}'`,
        }),
      ]);
      expect(policy().matchConstraints.resourceRules).toEqual([
        { apiGroups: ['*'], apiVersions: ['*'], operations: ['CREATE', 'UPDATE', 'DELETE'], resources: ['*'] },
      ]);
      expect(theOne(objects, 'ValidatingAdmissionPolicyBinding', 'hello-world-only-previews').spec).not.toHaveProperty(
        'matchResources',
      );
    });

    it.each([
      ['hello-world-pr-12', true],
      ['hello-world-prod', false],
      ['hello-world-pr-0', false],
      ['hello-world-pr-', false],
      ['x-hello-world-pr-1', false],
      ['kube-system', false],
      ['', false],
    ])('works in namespaces of previews: %s → %s', (namespace, allowed) => {
      expect(pattern(policy().validations[0]!.expression).test(namespace)).toBe(allowed);
    });
  });
});
