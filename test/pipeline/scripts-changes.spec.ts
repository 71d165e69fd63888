import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { purlOf } from '../../scripts/ci/sbom/subject.js';
import { Desk } from './desk.js';
import type { Ended } from './script.js';

const [BASE, HEAD] = ['b'.repeat(40), 'c'.repeat(40)];
const PULL_REQUEST = { pull_request: { base: { sha: BASE }, head: { sha: HEAD } } };

let desk: Desk;

beforeEach(() => {
  desk = new Desk();
});

afterEach(() => desk.leave());

/** What a step is told of the event that started it. */
function event(content: object): NodeJS.ProcessEnv {
  writeFileSync(join(desk.folder, 'event.json'), JSON.stringify(content));
  return { GITHUB_EVENT_PATH: join(desk.folder, 'event.json'), GITHUB_REPOSITORY: 'acme/hello-world' };
}

/** A GitHub that knows what the two commits change, and nothing else. */
function plantGitHub(files: readonly Readonly<Record<string, string>>[]): void {
  writeFileSync(join(desk.folder, 'compared.json'), JSON.stringify({ files }));
  desk.plant('gh', `[[ $2 == */compare/${BASE}...${HEAD} ]] && jq -r "$4" '${desk.folder}/compared.json'`);
}

describe('scripts/ci/scope.sh', () => {
  const NON_PROD = 'deploy/flux/non-prod/release/hello-world-helmrelease.yaml';
  const named = (...files: readonly string[]) => files.map((filename) => ({ filename }));

  it.each([
    ['only what non-prod runs', named(NON_PROD), 'release', 'true'],
    [
      'what prod runs, and its chart',
      named(NON_PROD.replace('non-', ''), 'deploy/flux/prod/release/chart.yaml'),
      'release',
      'true',
    ],
    ['that and a script', named(NON_PROD, 'scripts/ci/push.sh'), 'all', 'true'],
    ['a script', named('scripts/ci/push.sh'), 'all', 'false'],
    ['another file beside it', named(`${NON_PROD}.bak`), 'all', 'false'],
    ['a file that was named so', [{ filename: 'apps/main.ts', previous_filename: NON_PROD }], 'all', 'true'],
  ])('%s', async (_, files, scope, releases) => {
    plantGitHub(files);

    const ended = await desk.step('scope.sh', [], event(PULL_REQUEST));

    expect(ended.code).toBe(0);
    expect(desk.written('output')).toBe(`scope=${scope}\nreleases=${releases}\n`);
  });

  it('in the merge queue it asks for what the group changes', async () => {
    plantGitHub(named(NON_PROD));

    await desk.step('scope.sh', [], event({ merge_group: { base_sha: BASE, head_sha: HEAD } }));

    expect(desk.written('output')).toContain('scope=release');
  });

  it.each([
    ['GitHub names nothing', [], PULL_REQUEST],
    ['so much has changed that GitHub does not tell all', named(...Array<string>(300).fill(NON_PROD)), PULL_REQUEST],
    [
      'GitHub does not know the commits',
      named(NON_PROD),
      { pull_request: { base: { sha: HEAD }, head: { sha: BASE } } },
    ],
    ['it is a push', named(NON_PROD), { ref: 'refs/heads/main' }],
  ])('%s: everything is to be looked at', async (_, files, content) => {
    plantGitHub(files);

    await desk.step('scope.sh', [], event(content));

    expect(desk.written('output')).toBe('scope=all\nreleases=true\n');
  });
});

describe('scripts/ci/check-release.sh', () => {
  const DIGEST = `sha256:${'d'.repeat(64)}`;
  const SIGNED = `sha256:${'a'.repeat(64)}`;
  const check = (proposed: string, env: NodeJS.ProcessEnv = {}, patch = ''): Promise<Ended> => {
    writeFileSync(join(desk.folder, 'patch'), patch);
    desk.plant(
      'gh',
      `case "$*" in
        *compare/${BASE}...${HEAD}*) cat '${desk.folder}/patch' ;;
        *non-prod*ref=${HEAD}) cat '${desk.folder}/non-prod' ;;
        *) echo 'digest:' ;;
      esac`,
    );
    writeFileSync(join(desk.folder, 'non-prod'), proposed);
    // One that knows a single image, and what is attested of it.
    const predicate = { metadata: { component: { purl: purlOf(SIGNED) } } };
    const payload = Buffer.from(JSON.stringify({ predicate })).toString('base64');
    writeFileSync(join(desk.folder, 'attested'), JSON.stringify({ payload }));
    desk.plant(
      'cosign',
      `case "$*" in *${SIGNED}*) cat '${desk.folder}/attested' ;; *) echo 'no signatures found' >&2; exit 1 ;; esac`,
    );
    return desk.step('check-release.sh', [], {
      ...event(PULL_REQUEST),
      REPOSITORY: 'localhost:5000/hello-world',
      ...env,
    });
  };

  describe('of a change that nobody has to approve', () => {
    const moved = ` spec:\n-      tag: sha-1\n-      digest: ${DIGEST}\n+      tag: '1.2.3'\n+      digest: ${SIGNED}\n`;

    it('tag and digest may change', async () => {
      const ended = await check(`      digest: ${SIGNED}\n`, { SCOPE: 'release' }, `@@ -1,4 +1,4 @@\n${moved}`);

      expect(ended).toMatchObject({ code: 0, stderr: '' });
    });

    it.each([
      ['another value', '+    hpa: { minReplicas: 0 }'],
      ['a chart from elsewhere', '+      sourceRef: { kind: GitRepository, name: mine }'],
      ['what comes after a tag on its line', '+      tag: { x: 1 }'],
      ['more than GitHub shows', '+ more than GitHub shows'],
    ])('%s may not, with or without a registry', async (_, line) => {
      for (const REPOSITORY of ['localhost:5000/hello-world', '']) {
        const ended = await check(`      digest: ${SIGNED}\n`, { SCOPE: 'release', REPOSITORY }, `${moved}${line}\n`);

        expect(ended.code).toBe(1);
        expect(ended.stderr).toContain('it changes more of non-prod than tag and digest');
      }
    });

    it('with something beside it that has an owner, it may', async () => {
      expect(await check(`      digest: ${SIGNED}\n`, { SCOPE: 'all' }, '+    x: y\n')).toMatchObject({ code: 0 });
    });
  });

  it('a digest that main has signed passes, and so does none', async () => {
    expect(await check(`      digest: ${SIGNED}\n`)).toMatchObject({ code: 0 });
    expect((await check('      digest:\n')).stdout).toContain('non-prod: names nothing to run');
  });

  it.each([
    ['another', `      digest: ${DIGEST}\n`],
    ['one more, hidden in a comment', `      digest: ${SIGNED} # ${DIGEST}\n`],
  ])('%s does not', async (_, proposed) => {
    const ended = await check(proposed);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`non-prod is to run ${DIGEST}, which main has not signed`);
  });

  it.each([
    ['by an escape', `      digest: "sha\\x32\\\n        56:${'d'.repeat(64)}"\n`],
    ['by a type of YAML', `      digest: !!binary ${Buffer.from(DIGEST).toString('base64')}\n`],
  ])('one that is hidden %s does not', async (_, proposed) => {
    const ended = await check(proposed);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('by which YAML hides what is to run');
  });

  it('without a registry it is skipped', async () => {
    const ended = await desk.step('check-release.sh');

    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stdout).toMatch(/^skipped: REPOSITORY is not set/m);
  });
});

describe('scripts/ci/foreign-release.sh', () => {
  const RELEASE = 'deploy/flux/prod/release/hello-world-helmrelease.yaml';
  const KUSTOMIZATION = 'deploy/flux/prod/release/kustomization.yaml';
  const check = (files: readonly Readonly<Record<string, string>>[]): Promise<Ended> => {
    plantGitHub(files);
    return desk.step('foreign-release.sh', [], event(PULL_REQUEST));
  };

  it.each([
    ['code, whatever it says', { filename: 'package.json', patch: '+  "version": "1.2.3"' }],
    ['the chart', { filename: 'deploy/helm/hello-world/values.yaml', patch: '+ tag: x' }],
  ])('passes for %s', async (_, file) => {
    expect(await check([file])).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['a tag', { filename: RELEASE, patch: '+      tag: sha-1' }],
    ['a key that is escaped', { filename: RELEASE, patch: '+      "t\\x61g": x' }],
    ['an image that Kustomize puts in', { filename: KUSTOMIZATION, patch: '+images: [{ name: x, newTag: y }]' }],
    ['a base from elsewhere', { filename: KUSTOMIZATION, patch: '+  - https://github.com/mallory/base?ref=main' }],
    ['a patch from elsewhere', { filename: KUSTOMIZATION, patch: '+  - path: ../../../helm/x.yaml' }],
    ['the branch that Flux follows', { filename: 'deploy/flux/prod/sync.yaml', patch: '+  ref: { branch: mine }' }],
    ['values from elsewhere', { filename: RELEASE, patch: '+  valuesFrom: [{ kind: ConfigMap, name: x }]' }],
    ['a new file', { filename: 'deploy/flux/non-prod/x.yaml', status: 'added', patch: '+kind: ConfigMap' }],
    ['a file that comes from elsewhere', { filename: RELEASE, status: 'renamed', previous_filename: 'x', patch: '' }],
    ['a file that goes elsewhere', { filename: 'x', status: 'renamed', previous_filename: RELEASE }],
    ['more than GitHub shows', { filename: RELEASE }],
  ])('refuses %s', async (_, file) => {
    const ended = await check([{ filename: 'README.md', patch: '+ hello' }, file]);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(
      /it changes deploy\/flux\/\S+, by which Flux knows what runs, and comes from who may not/,
    );
  });

  it('refuses what GitHub does not show, or not all of', async () => {
    const many = await check(Array.from({ length: 300 }, (_, n) => ({ filename: `${n}`, patch: '' })));
    desk.plant('gh', 'exit 1');
    const away = await desk.step('foreign-release.sh', [], event(PULL_REQUEST));

    expect([many.code, away.code]).toEqual([1, 1]);
    for (const { stderr } of [many, away]) expect(stderr).toContain('GitHub does not show what is changed');
  });
});
