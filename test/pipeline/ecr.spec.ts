import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { asText } from './expressions.js';
import type { Scene } from './job-graph.js';
import { names, ran } from './played.js';
import { SCENES } from './scenes.js';
import { ROOT } from './script.js';

function read(file: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, 'deploy/ecr', file), 'utf8'));
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
    expect(['latest', 'pr-12'].filter(mayMove)).toEqual(['latest', 'pr-12']);
    expect(['1.2.3', `sha-${'a'.repeat(40)}`].filter(mayMove)).toEqual([]);
  });

  it('what goes by age is of pull requests, and later than their previews; releases and signatures stay', () => {
    const { rules } = read('lifecycle-policy.json') as {
      rules: {
        rulePriority: number;
        selection: { tagStatus: string; tagPatternList: string[]; countType: string; countNumber: number };
      }[];
    };
    const preview = readFileSync(join(ROOT, 'scripts/previews/render.ts'), 'utf8');
    const longestPreviewDays = Number(/MAX_DAYS = (\d+)/.exec(preview)?.[1]);
    // An image has several tags, and goes with all of them. What one rule selects, no rule after it expires:
    // https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
    const goes = (...tags: string[]): boolean => {
      const first = rules.find(({ selection }) =>
        selection.tagPatternList.every((pattern) => tags.some((tag) => glob(pattern, tag))),
      );
      return first !== undefined && first.selection.countNumber < NEVER;
    };

    expect(rules.map(({ selection }) => selection.tagStatus)).toEqual(['tagged', 'tagged', 'tagged']);
    expect(rules.map(({ rulePriority }) => rulePriority)).toEqual([1, 2, 3]);
    expect(rules.find(({ selection }) => selection.countType === 'sinceImagePushed')?.selection).toMatchObject({
      tagPatternList: ['pr-*'],
    });
    expect(rules[1]!.selection.countNumber).toBeGreaterThan(longestPreviewDays);
    const commit = `sha-${'a'.repeat(40)}`;
    expect([goes('pr-12'), goes(commit), goes(commit, 'latest')]).toEqual([true, true, true]);
    expect([goes('1.2.3', commit), goes('latest', commit, '10.0.1'), goes(`sha256-${'a'.repeat(64)}.sig`)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('the role can be taken by each job that takes one, of every event, and by no branch', () => {
    const trust = read('push-trust.json') as { Statement: { Condition: { StringLike: Record<string, string[]> } }[] };
    const subjects = trust.Statement.flatMap(({ Condition }) => Object.values(Condition.StringLike).flat());
    const taken = names.flatMap((name) =>
      ran(SCENES[name])
        .filter(({ calls }) => calls.some(({ uses }) => uses?.startsWith('aws-actions/configure-aws-credentials@')))
        .map(({ environment }) => subjectOf(SCENES[name], environment)),
    );
    const mayTake = (subject: string): boolean => subjects.some((pattern) => glob(pattern, subject));

    expect(taken).toContain('repo:SUBJECT:ref:refs/heads/gh-readonly-queue/main/pr-12');
    expect(taken.filter((subject) => !mayTake(subject))).toEqual([]);
    expect(mayTake('repo:SUBJECT:ref:refs/heads/somewhere')).toBe(false);
  });

  it('the role is for this repository alone, and can neither delete nor change a setting', () => {
    const trust = read('push-trust.json') as { Statement: { Condition: { StringLike: Record<string, string[]> } }[] };
    const policy = read('push-policy.json') as { Statement: { Action: string | string[] }[] };
    const subjects = trust.Statement.flatMap(({ Condition }) => Object.values(Condition.StringLike).flat());
    const actions = policy.Statement.flatMap(({ Action }) => Action);

    expect(subjects.filter((subject) => !/^repo:SUBJECT:[a-z]/.test(subject))).toEqual([]);
    expect(actions.filter((action) => /\*|Delete|Set|PutImageTag|PutLifecycle|Create/.test(action))).toEqual([]);
  });
});
