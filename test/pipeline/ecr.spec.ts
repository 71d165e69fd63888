import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ROOT } from './script.js';

function read(file: string): unknown {
  return JSON.parse(readFileSync(join(ROOT, 'deploy/ecr', file), 'utf8'));
}

const glob = (pattern: string, tag: string): boolean => new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(tag);

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
      rules: { selection: { tagStatus: string; tagPatternList: string[]; countType: string; countNumber: number } }[];
    };
    const preview = readFileSync(join(ROOT, 'scripts/previews/render.ts'), 'utf8');
    const longestPreviewDays = Number(/MAX_DAYS = (\d+)/.exec(preview)?.[1]);
    const goes = (tag: string): boolean =>
      rules.some(({ selection }) => selection.tagPatternList.some((pattern) => glob(pattern, tag)));

    expect(rules.map(({ selection }) => selection.tagStatus)).toEqual(['tagged', 'tagged']);
    expect(rules.find(({ selection }) => selection.countType === 'sinceImagePushed')?.selection).toMatchObject({
      tagPatternList: ['pr-*'],
    });
    expect(rules[0]!.selection.countNumber).toBeGreaterThan(longestPreviewDays);
    expect(['1.2.3', 'latest', `sha256-${'a'.repeat(64)}.sig`].filter(goes)).toEqual([]);
  });

  it('the role is for this repository alone, and can neither delete nor change a setting', () => {
    const trust = read('push-trust.json') as { Statement: { Condition: { StringLike: Record<string, string[]> } }[] };
    const policy = read('push-policy.json') as { Statement: { Action: string | string[] }[] };
    const subjects = trust.Statement.flatMap(({ Condition }) => Object.values(Condition.StringLike).flat());
    const actions = policy.Statement.flatMap(({ Action }) => Action);

    expect(subjects.filter((subject) => !/^repo:OWNER\/hello-world:[a-z]/.test(subject))).toEqual([]);
    expect(actions.filter((action) => /\*|Delete|Set|PutImageTag|PutLifecycle|Create/.test(action))).toEqual([]);
  });
});
