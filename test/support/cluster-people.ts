/** Who asks the API server, and what it lets them do. */
import { kubectl, manifest } from './cluster.js';

/** A user or an account, with the groups that the cluster's login puts them into. */
export interface Person {
  readonly user: string;
  readonly groups: readonly string[];
}

const person = (user: string, ...groups: readonly string[]): Person => ({
  user,
  groups: [...groups, 'system:authenticated'],
});

export const OPERATOR = person('an-operator', 'hello-world:operators');
export const VIEWER = person('a-viewer', 'hello-world:viewers');

export function serviceAccount(namespace: string, name: string): Person {
  return person(
    `system:serviceaccount:${namespace}:${name}`,
    'system:serviceaccounts',
    `system:serviceaccounts:${namespace}`,
  );
}

/** Flags with which kubectl asks as somebody else. */
export const kubectlAs = ({ user, groups }: Person): string[] => [
  `--as=${user}`,
  ...groups.map((group) => `--as-group=${group}`),
];

/** Flags with which Helm does. */
export const helmAs = ({ user, groups }: Person): string[] => [
  `--kube-as-user=${user}`,
  ...groups.map((group) => `--kube-as-group=${group}`),
];

/** `verb resource.group/subresource name`, the last three as far as there are any: `get secrets`, `patch deployments.apps/scale`. */
export type Deed = string;

/**
 * What `kubectl auth can-i` says of each deed, all asked at once. Also of kinds that the cluster does not have.
 *
 * @param namespace where; `undefined`: in the cluster, and so in each namespace
 */
export async function canI(
  { user, groups }: Person,
  deeds: readonly Deed[],
  namespace: string | undefined,
): Promise<Record<Deed, 'yes' | 'no'>> {
  const reviews = deeds.map((deed) => {
    const [verb, what = '', name] = deed.split(' ');
    const [, resource, group = '', subresource] = /^([^./]+)(?:\.([^/]+))?(?:\/(.+))?$/.exec(what) ?? [];
    return {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user, groups, resourceAttributes: { namespace, verb, resource, group, subresource, name } },
    };
  });
  const answers = await kubectl(['create', '--output=jsonpath={.status.allowed}{"\\n"}', '-f', '-'], {
    input: manifest(reviews),
  });
  const allowed = answers.trim().split('\n');
  return Object.fromEntries(deeds.map((deed, at) => [deed, allowed[at] === 'true' ? 'yes' : 'no']));
}
