/** Who may do what: Flux and people have what they need for their work, and nothing more. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { ENVIRONMENTS, FLUX, FluxTree, plural, releaseOf, renderRelease, resourceOf } from '../support/flux.js';
import { type KubeObject, ofKind, theOne } from '../support/helm.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const RUNBOOKS = join(FLUX, '../../monitoring/runbooks');
const TO_MANAGE = ['get', 'list', 'watch', 'create', 'patch', 'delete'];

const tree = new FluxTree();
afterAll(() => tree.remove());

const rulesOf = (role: KubeObject): readonly Rule[] => role['rules'] as Rule[];
const may = (role: KubeObject, verb: string, group: string, resource: string): boolean =>
  rulesOf(role).some(
    ({ apiGroups, resources, verbs, resourceNames }) =>
      apiGroups.includes(group) && resources.includes(resource) && verbs.includes(verb) && resourceNames === undefined,
  );
const unique = (pairs: readonly (readonly [string, string])[]): [string, string][] =>
  [...new Set(pairs.map((pair) => pair.join(' ')))].sort().map((pair) => pair.split(' ') as [string, string]);

/** What the reconciler applies itself, and what Helm applies for it. */
function appliedIn(environment: string): [string, string][] {
  const release = tree.build(`${environment}/release`);
  return unique(
    [...tree.build(`${environment}/secrets`), ...release, ...renderRelease(releaseOf(release))].map(resourceOf),
  );
}

describeUnless(whyNoTool('kustomize') ?? whyNoTool('helm'))('roles', () => {
  it.each(ENVIRONMENTS)('%s: none has a wildcard, or hands out or takes what it does not have', (environment) => {
    const roles = tree.build(environment).filter(({ kind }) => /^(Cluster)?Role$/.test(kind));

    expect(roles.length).toBeGreaterThanOrEqual(3);
    for (const rule of roles.flatMap(rulesOf)) {
      expect([...rule.apiGroups, ...rule.resources, ...rule.verbs]).not.toContain('*');
      expect(rule.verbs).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/escalate|impersonate|deletecollection/)]),
      );
      if (rule.verbs.includes('bind')) expect(rule.resourceNames?.length).toBeGreaterThan(0);
    }
  });

  it.each(ENVIRONMENTS)('%s: only groups and accounts of the namespace are bound there', (environment) => {
    for (const { metadata, ...binding } of ofKind(tree.build(environment), 'RoleBinding')) {
      for (const subject of binding['subjects'] as { kind: string; name: string; namespace?: string }[]) {
        if (subject.kind === 'Group') expect(subject.name).toMatch(/^hello-world:(viewers|operators)$/);
        else expect(subject).toEqual({ kind: 'ServiceAccount', name: metadata.name, namespace: metadata.namespace });
      }
    }
  });

  describe.each(ENVIRONMENTS)('the reconciler of %s', (environment) => {
    const role = () => theOne(tree.build(environment), 'Role', 'hello-world-reconciler');

    it('may manage all that there is to apply', () => {
      const missing = appliedIn(environment).flatMap(([group, resource]) =>
        TO_MANAGE.filter((verb) => !may(role(), verb, group, resource)).map((verb) => `${verb} ${group}/${resource}`),
      );

      expect(appliedIn(environment).length).toBeGreaterThan(12);
      expect(missing).toEqual([]);
    });

    it('may keep releases, and watch a rollout', () => {
      for (const verb of [...TO_MANAGE, 'update']) expect(may(role(), verb, '', 'secrets')).toBe(true);
      expect(may(role(), 'list', 'apps', 'replicasets')).toBe(true);
    });

    it('may nothing that no environment needs', () => {
      const applied = ENVIRONMENTS.flatMap(appliedIn);
      const needed = new Set([...applied, ['', 'secrets'], ['apps', 'replicasets']].map(String));

      const granted = rulesOf(role()).flatMap(({ apiGroups, resources }) =>
        apiGroups.flatMap((group) => resources.map((resource) => String([group, resource]))),
      );

      expect(granted.filter((pair) => !needed.has(pair))).toEqual([]);
      expect(rulesOf(role()).flatMap(({ resources }) => resources)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/role|namespace|kustomization|quota|limitrange|exec|token/)]),
      );
    });
  });

  describe.each(ENVIRONMENTS)('people in %s', (environment) => {
    const viewer = () => theOne(tree.build(environment), 'Role', 'hello-world-viewer');
    const operator = () => theOne(tree.build(environment), 'Role', 'hello-world-operator');

    it('see everything of the release but Secrets, and viewers change nothing', () => {
      const hidden = appliedIn(environment).filter(([group, resource]) => !may(viewer(), 'get', group, resource));

      expect(hidden).toEqual([]);
      expect(new Set(rulesOf(viewer()).flatMap(({ verbs }) => verbs))).toEqual(new Set(['get', 'list', 'watch']));
      for (const role of [viewer(), operator()]) {
        expect(rulesOf(role).flatMap(({ resources }) => resources)).not.toContain('secrets');
      }
    });

    it('operators switch a flag, and no other ConfigMap', () => {
      const rule = rulesOf(operator()).find(({ resources }) => resources.includes('configmaps'));

      expect(rule).toEqual({
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: ['hello-world-flags'],
        verbs: ['update', 'patch'],
      });
    });

    it('operators may do what the runbooks ask for', () => {
      const roles = [viewer(), operator()];

      const commands = commandsOf(runbooks());

      expect(commands.size).toBeGreaterThan(15);
      for (const command of commands) {
        const [verb, resource] = needOf(command);
        const granted = roles
          .flatMap(rulesOf)
          .some((rule) => rule.resources.includes(resource) && rule.verbs.includes(verb));
        expect({ command, verb, resource, granted }).toMatchObject({ granted: true });
      }
    });
  });
});

/** What a command of kubectl needs, as the API calls it. */
function needOf(command: string): [verb: string, resource: string] {
  const subresources: Readonly<Record<string, [string, string]>> = {
    logs: ['get', 'pods/log'],
    debug: ['patch', 'pods/ephemeralcontainers'],
    exec: ['create', 'pods/exec'],
    'port-forward': ['create', 'pods/portforward'],
    scale: ['patch', 'deployments/scale'],
    'rollout status': ['watch', 'deployments'],
    'rollout undo': ['patch', 'deployments'],
    'rollout restart': ['patch', 'deployments'],
  };
  const known = subresources[command];
  if (known) return known;
  const verbs: Readonly<Record<string, string>> = { get: 'list', top: 'list', describe: 'list' };
  const short: Readonly<Record<string, string>> = { hpa: 'horizontalpodautoscaler', deploy: 'deployment' };
  const [verb = '', name = ''] = command.split(' ');
  return [verbs[verb] ?? verb, plural(short[name] ?? name)];
}

function runbooks(): string {
  return readdirSync(RUNBOOKS)
    .map((file) => readFileSync(join(RUNBOOKS, file), 'utf8'))
    .join('\n');
}

/** `rollout undo`, `get pods`, `logs`: the commands for the service's namespace, each resource of them by itself. */
function commandsOf(text: string): Set<string> {
  const found = new Set<string>();
  for (const [, verb = '', what = ''] of text.matchAll(/kubectl -n "\$NAMESPACE" (\S+) +"?([^\s"/]*)/g)) {
    if (!/^(get|describe|delete|patch|top|rollout)$/.test(verb)) found.add(verb);
    else for (const one of what.split(',')) found.add(`${verb} ${one.split('.')[0]}`);
  }
  return found;
}
