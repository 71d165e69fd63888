import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { asText } from './expressions.js';
import type { Scene } from './job-graph.js';
import { idsOf, names, ran, theJob } from './played.js';
import { SCENES, type SceneName } from './scenes.js';
import { ROOT } from './script.js';

function read(file: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, 'deploy/ecr', file), 'utf8'));
}

interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition: { readonly StringLike: Readonly<Record<string, readonly string[]>> };
}
interface LifecycleRule {
  readonly rulePriority: number;
  readonly selection: {
    readonly tagStatus: string;
    readonly tagPatternList?: readonly string[];
    readonly countType: string;
    readonly countNumber: number;
  };
}

const ROLES = ['push', 'pull-request'] as const;
type Role = (typeof ROLES)[number];
const REPOSITORIES = 'arn:aws:ecr:REGION:ACCOUNT:repository';

const statementsOf = (role: Role): readonly Statement[] =>
  (read(`${role}-policy.json`) as { Statement: Statement[] }).Statement;

function mayTake(role: Role, subject: string): boolean {
  const { Statement: statements } = read(`${role}-trust.json`) as { Statement: Statement[] };
  const subjects = statements.flatMap(({ Condition }) => Object.values(Condition.StringLike).flat());
  return subjects.some((pattern) => glob(pattern, subject));
}

/** So many of a kind that there never are. */
const NEVER = 9999;
const glob = (pattern: string, tag: string): boolean =>
  new RegExp(`^${pattern.replaceAll('.', String.raw`\.`).replaceAll('*', '.*')}$`).test(tag);

/** As GitHub names who asks: https://docs.github.com/actions/reference/security/oidc */
function subjectOf({ event, github }: Scene, environment: string | undefined): string {
  if (environment !== undefined) return `repo:SUBJECT:environment:${environment}`;
  return event === 'pull_request' ? 'repo:SUBJECT:pull_request' : `repo:SUBJECT:ref:${asText(github['ref'] ?? null)}`;
}

describe('the registry', () => {
  it('a tag is given once, except those that follow the newest', () => {
    const { imageTagMutability, imageTagMutabilityExclusionFilters: filters } = read('repository.json') as {
      imageTagMutability: string;
      imageTagMutabilityExclusionFilters: { filter: string }[];
    };
    const mayMove = (tag: string): boolean => filters.some(({ filter }) => glob(filter, tag));

    expect(imageTagMutability).toBe('IMMUTABLE_WITH_EXCLUSION');
    expect(['latest', '1.2.3', `sha-${'a'.repeat(40)}`].filter(mayMove)).toEqual(['latest']);
  });

  it('what goes is of pull requests, later than their previews, and old commits; releases and signatures stay', () => {
    const { rules } = read('lifecycle-policy.json') as { rules: LifecycleRule[] };
    const ofPullRequests = read('pull-request-lifecycle-policy.json') as { rules: LifecycleRule[] };
    const preview = readFileSync(join(ROOT, 'scripts/previews/render.ts'), 'utf8');
    const longestPreviewDays = Number(/MAX_DAYS = (\d+)/.exec(preview)?.[1]);
    // An image has several tags, and goes with all of them. What one rule selects, no rule after it expires:
    // https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    const goes = (...tags: string[]): boolean => {
      const first = rules.find(({ selection }) =>
        selection.tagPatternList?.every((pattern) => tags.some((tag) => glob(pattern, tag))),
      );
      return first !== undefined && first.selection.countNumber < NEVER;
    };

    expect(rules.map(({ selection }) => selection.tagStatus)).toEqual(['tagged', 'tagged']);
    expect(rules.map(({ rulePriority }) => rulePriority)).toEqual([1, 2]);
    expect(ofPullRequests.rules.map(({ selection }) => selection)).toEqual([
      expect.objectContaining({ tagStatus: 'any', countType: 'sinceImagePushed', countUnit: 'days' }),
    ]);
    expect(ofPullRequests.rules[0]!.selection.countNumber).toBeGreaterThan(longestPreviewDays);
    const commit = `sha-${'a'.repeat(40)}`;
    expect([goes(commit), goes(commit, 'latest')]).toEqual([true, true]);
    expect([goes('1.2.3', commit), goes('latest', commit, '10.0.1'), goes(`sha256-${'a'.repeat(64)}.sig`)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('each job that takes a role may take the one it asks for, of every event, and the other one never', () => {
    for (const name of names) {
      for (const { id, environment, calls } of ran(SCENES[name])) {
        const asked = calls.filter(({ uses }) => uses?.startsWith('aws-actions/configure-aws-credentials@'));
        const subject = subjectOf(SCENES[name], environment);

        for (const call of asked) {
          const role = call.with['role-to-assume']!.split('role/hello-world-')[1]!;
          expect({ id, role, mayTake: ROLES.filter((one) => mayTake(one, subject)) }).toEqual({
            id,
            role: /pull request|queue/.test(name) ? 'pull-request' : 'push',
            mayTake: [role],
          });
        }
      }
    }
  });

  it('roles are taken by the jobs that talk to the registry, and by none of the gates', () => {
    const taking = names.flatMap((name) =>
      idsOf(
        ran(SCENES[name]).filter(({ calls }) => calls.some(({ uses }) => uses?.startsWith('aws-actions/configure-'))),
      ),
    );

    expect([...new Set(taking)].toSorted()).toEqual([
      'ci.yml: deploy-non-prod',
      'ci.yml: promote',
      'ci.yml: propose-prod',
      'ci.yml: publish',
      'ci.yml: push-pull-request',
      'ci.yml: signed-release',
      'rescan.yml: rescan',
    ]);
  });

  it.each(['repo:SUBJECT:ref:refs/heads/somewhere', 'repo:OTHER/hello-world:pull_request'])(
    'no role is for %s',
    (subject) => {
      expect(ROLES.filter((role) => mayTake(role, subject))).toEqual([]);
    },
  );

  it('the roles can neither delete nor change a setting, and a pull request writes nothing that main has', () => {
    const writable = ROLES.map((role) =>
      statementsOf(role).filter(({ Action }) => [Action].flat().includes('ecr:PutImage')),
    );
    const actions = ROLES.flatMap((role) => statementsOf(role).flatMap(({ Action }) => Action));

    expect(actions.filter((action) => /\*|Delete|Set|PutImageTag|PutLifecycle|Create/.test(action))).toEqual([]);
    expect(writable.map((statements) => statements.flatMap(({ Resource }) => Resource))).toEqual([
      [`${REPOSITORIES}/hello-world`, `${REPOSITORIES}/charts/hello-world`],
      [`${REPOSITORIES}/hello-world-pr`],
    ]);
  });

  it('a pull request pushes to the repository of its role, and main to its own', () => {
    const repositoryOf = (name: SceneName, id: string): string | undefined =>
      theJob(SCENES[name], id).calls.find(({ run }) => run === 'scripts/ci/ecr-login.sh')?.env['ECR_REPOSITORY'];
    const created = ['repository', 'pull-request-repository'].map(
      (file) => (read(`${file}.json`) as { repositoryName: string }).repositoryName,
    );

    expect([repositoryOf('a push to main', 'publish'), repositoryOf('a pull request', 'push-pull-request')]).toEqual(
      created,
    );
    // What a change names is looked for where main has pushed it.
    expect(repositoryOf('the merge queue, with what moves a digest', 'signed-release')).toBe('hello-world');
  });
});
