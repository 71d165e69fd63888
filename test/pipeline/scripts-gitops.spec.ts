import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { FakeGitHub } from './fake-github.js';
import { digest, NON_PROD, OPTION_B, PROD, PROD_CHART, ReleaseRemote } from './release-remote.js';
import { ROOT } from './script.js';

jest.setTimeout(120_000);

let folder: string;
let remote: ReleaseRemote;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scripts-gitops-'));
});

beforeEach(() => {
  remote = new ReleaseRemote(folder, ['deploy/flux']);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('set-digest.ts with option a', () => {
  it('proposes tag and digest on a branch of its own, and leaves every other line as it is', async () => {
    const main = remote.tip('main');

    const ended = await remote.propose('non-prod', 'sha-abc', 'a');

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain('skipped: no pull request for gitops/non-prod: GITOPS_TOKEN is not set');
    const before = remote.read('main', NON_PROD).split('\n');
    const after = remote.read('gitops/non-prod', NON_PROD).split('\n');
    expect(remote.image('gitops/non-prod', NON_PROD)).toEqual({ tag: 'sha-abc', digest: digest('a') });
    expect(after.filter((line) => !before.includes(line))).toEqual([
      '      tag: sha-abc',
      `      digest: ${digest('a')}`,
    ]);
    expect(after).toHaveLength(before.length);
    expect(remote.git('diff', '--name-only', 'origin/main', 'origin/gitops/non-prod')).toBe(NON_PROD);
    expect(remote.tip('main')).toBe(main);
  });

  it('leaves the branch as it was when it is run again, and proposes nothing once it is merged', async () => {
    await remote.propose('non-prod', 'sha-abc', 'a');
    const proposed = remote.tip('gitops/non-prod');

    const again = await remote.propose('non-prod', 'sha-abc', 'a');
    expect(again.stdout).toContain('gitops/non-prod is as it was');
    expect(remote.tip('gitops/non-prod')).toBe(proposed);

    remote.merge('gitops/non-prod');
    const merged = await remote.propose('non-prod', 'sha-abc', 'a');
    expect(merged.stdout).toMatch(/main of .* has it already: non-prod runs sha-abc/);
    expect(remote.tip('gitops/non-prod')).toBe(proposed);
  });

  it('puts the newer digest in place of one that nobody has merged, on top of what main is now', async () => {
    await remote.propose('non-prod', 'sha-abc', 'a');
    remote.commit('other.txt', 'something else\n', 'a commit in between');

    await remote.propose('non-prod', 'sha-def', 'b');

    expect(remote.image('gitops/non-prod', NON_PROD)).toEqual({ tag: 'sha-def', digest: digest('b') });
    expect(remote.git('rev-parse', 'origin/gitops/non-prod^')).toBe(remote.tip('main'));
  });

  it('ends well for each of several runs at once, with tag and digest of one of them', async () => {
    const runs = ['a', 'b', 'c'].map(async (of) => remote.propose('non-prod', `sha-${of}`, of));

    const ended = await Promise.all(runs);

    expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual(ended.map(() => ({ code: 0, stderr: '' })));
    const { tag = '', digest: proposed } = remote.image('gitops/non-prod', NON_PROD);
    expect(proposed).toBe(digest(tag.slice(-1)));
    expect(remote.git('rev-parse', 'origin/gitops/non-prod^')).toBe(remote.tip('main'));
  });

  it('tells the steps after it whether the environment will run it', async () => {
    const output = join(folder, 'output');
    const proposed = async (tag: string, of: string) => {
      writeFileSync(output, '');
      await remote.setDigest(['non-prod', '--tag', tag, '--digest', digest(of)], { GITHUB_OUTPUT: output });
      return readFileSync(output, 'utf8');
    };
    const older = remote.commit('a.txt', 'a', 'older');
    const newer = remote.commit('a.txt', 'b', 'newer');

    expect(await proposed(`sha-${newer}`, 'b')).toBe('proposed=true\n');
    expect(await proposed(`sha-${newer}`, 'b')).toBe('proposed=true\n');
    expect(await proposed(`sha-${older}`, 'a')).toBe('proposed=false\n');
  });

  it('tells only whether it would, and changes nothing, when it is to check', async () => {
    const output = join(folder, 'output-of-check');
    const older = remote.commit('a.txt', 'a', 'older');
    const newer = remote.commit('a.txt', 'b', 'newer');
    const check = async (tag: string, of: string) => {
      writeFileSync(output, '');
      const args = ['non-prod', '--tag', tag, '--digest', digest(of), '--check'];
      const { stdout } = await remote.setDigest(args, { GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: output });
      return { stdout, told: readFileSync(output, 'utf8') };
    };

    const first = await check(`sha-${newer}`, 'b');
    const branchAfterCheck = remote.tip('gitops/non-prod');
    await remote.propose('non-prod', `sha-${newer}`, 'b');
    const again = await check(`sha-${newer}`, 'b');
    const late = await check(`sha-${older}`, 'a');

    expect(first).toEqual({
      stdout: `set-digest: ${digest('b')} may be proposed: non-prod has nothing newer\n`,
      told: 'proposed=true\n',
    });
    expect(branchAfterCheck).toBeUndefined();
    expect(again.told).toBe('proposed=true\n');
    const why = `non-prod waits for sha-${newer} already, which is newer than sha-${older}`;
    expect(late.told).toBe(`- **set-digest**: skipped: ${why}\nproposed=false\n`);
  });

  it('brings image and chart of a release to prod, the version in quotes', async () => {
    const ended = await remote.propose('prod', '1.20', 'c', '--chart-digest', digest('d'));

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(remote.image('gitops/prod', PROD)).toEqual({ tag: '1.20', digest: digest('c') });
    expect(parse(remote.read('gitops/prod', PROD_CHART))).toMatchObject({
      spec: { ref: { tag: '1.20', digest: digest('d') }, verify: { provider: 'cosign' } },
    });
    expect(remote.read('gitops/prod', PROD_CHART)).toContain('# Regular expressions, so anchored and escaped');
  });

  it('brings only the image to prod when there is no new chart, and nothing before the first release', async () => {
    const first = await remote.propose('prod', 'sha-abc', 'c', '--chart-digest', '');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toBe('skipped: prod has no chart yet: the first release (a tag release/X.Y.Z) brings one\n');
    expect(remote.tip('gitops/prod')).toBeUndefined();

    await remote.propose('prod', '1.2.3', 'c', '--chart-digest', digest('d'));
    remote.merge('gitops/prod');
    const next = await remote.propose('prod', 'sha-abc', 'e', '--chart-digest', '');

    expect(next.code).toBe(0);
    expect(remote.git('diff', '--name-only', 'origin/main', 'origin/gitops/prod')).toBe('');
    remote.read('gitops/prod', PROD);
    expect(remote.git('diff', '--name-only', 'origin/main', 'origin/gitops/prod')).toBe(PROD);
  });

  it.each([
    ['an environment that is none', ['production', '--tag', 'x', '--digest', digest('a')], /non-prod\|prod/],
    ['a digest that is none', ['prod', '--tag', 'x', '--digest', 'sha256:1'], /--digest 'sha256:1' is none/],
    ['a tag with a line break', ['prod', '--tag', 'x\ny', '--digest', digest('a')], /--tag/],
    ['an option that is none', ['prod', '--tag', 'x', '--digest', digest('a'), '--option', 'c'], /a or b, not 'c'/],
    ['a flag that is none', ['prod', '--tagg', 'x'], /Unknown option/],
  ])('refuses %s', async (_what, args, why) => {
    const { code, stderr } = await remote.setDigest(args);

    expect(code).toBe(1);
    expect(stderr).toMatch(why);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });

  it('says that the remote is not to be had', async () => {
    const { code, stderr } = await remote.setDigest(['non-prod', '--tag', 'x', '--digest', digest('a')], {
      GITOPS_REMOTE: join(folder, 'nowhere.git'),
    });

    expect(code).toBe(1);
    expect(stderr).toMatch(/git fetch of .*nowhere\.git failed/);
  });

  it('is skipped where a token is needed and there is none', async () => {
    const env = { GITOPS_REMOTE: 'https://github.invalid/acme/hello-world' };
    const { code, stdout, stderr } = await remote.setDigest(['non-prod', '--tag', 'x', '--digest', digest('a')], env);

    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(
      'skipped: GITOPS_TOKEN is not set: nothing is proposed to https://github.invalid/acme/hello-world\n',
    );
  });
});

describe('set-digest.ts with option b', () => {
  const args = ['non-prod', '--tag', 'sha-abc', '--digest', digest('a'), '--option', 'b'];

  beforeEach(() => {
    remote = new ReleaseRemote(folder);
  });

  it('adds the release to the platform the first time, and after that changes its tag alone', async () => {
    const first = await remote.setDigest([...args, '--repository', 'registry.example/hello-world']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(remote.image('gitops/non-prod', OPTION_B)).toEqual({
      repository: 'registry.example/hello-world',
      tag: `sha-abc@${digest('a')}`,
    });

    remote.merge('gitops/non-prod');
    const second = await remote.setDigest(['non-prod', '--tag', 'sha-def', '--digest', digest('b'), '--option', 'b']);
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(remote.image('gitops/non-prod', OPTION_B)).toEqual({
      repository: 'registry.example/hello-world',
      tag: `sha-def@${digest('b')}`,
    });
    expect(remote.git('diff', '--shortstat', 'origin/main', 'origin/gitops/non-prod')).toContain(
      '1 insertion(+), 1 deletion(-)',
    );

    const third = await remote.setDigest(['non-prod', '--tag', 'sha-def', '--digest', digest('b'), '--option', 'b']);
    expect(third.stdout).toContain('is as it was');
  });

  it('says what it needs to add a release, and that prod has none to change', async () => {
    expect((await remote.setDigest(args)).stderr).toMatch(/--repository says where its image is/);

    const prod = await remote.setDigest(['prod', '--tag', 'sha-abc', '--digest', digest('a'), '--option', 'b']);
    expect(prod.stderr).toMatch(/has no apps\/hello-world\/prod\/hello-world-helmrelease\.yaml: add it first/);
  });

  it('is skipped where no platform is named', async () => {
    const ended = await remote.setDigest(args, { GITOPS_REMOTE: '' });

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain('skipped: PLATFORM_REPOSITORY is not set');
  });
});

describe('the pull request of set-digest.ts', () => {
  let github: FakeGitHub;
  const token = 'token-of-this-test';

  beforeEach(async () => {
    github = await FakeGitHub.start();
  });

  afterEach(async () => github.stop());

  const env = () => ({ GITOPS_TOKEN: token, GITHUB_API_URL: github.url, GITHUB_REPOSITORY: 'acme/hello-world' });
  const asked = () => github.asked.map(({ method, path }) => `${method} ${path.split('?')[0]}`);

  it('is opened once, is renewed after that, merges itself in non-prod, and its token is told to nobody', async () => {
    const first = await remote.setDigest(['non-prod', '--tag', 'sha-abc', '--digest', digest('a')], env());
    const second = await remote.setDigest(['non-prod', '--tag', 'sha-def', '--digest', digest('b')], env());

    const pulls = '/repos/acme/hello-world/pulls';
    expect(asked()).toEqual([
      `GET ${pulls}`,
      `POST ${pulls}`,
      'POST /graphql',
      `GET ${pulls}`,
      `PATCH ${pulls}/1`,
      'POST /graphql',
    ]);
    expect(github.asked[1]?.body).toMatchObject({
      head: 'gitops/non-prod',
      base: 'main',
      title: 'chore(deploy): non-prod runs sha-abc',
    });
    expect(github.asked.every(({ authorization }) => authorization === `Bearer ${token}`)).toBe(true);
    expect(first.stdout).toContain('proposed by https://github.example/acme/hello-world/pull/1');
    expect(`${first.stdout}${first.stderr}${second.stdout}${second.stderr}`).not.toContain(token);
  });

  it('waits for somebody in prod', async () => {
    await remote.setDigest(['prod', '--tag', '1.2.3', '--digest', digest('a'), '--chart-digest', digest('b')], env());

    expect(asked()).not.toContain('POST /graphql');
  });

  it('says that it does not merge itself where the repository does not have that', async () => {
    github.autoMergeError = 'Auto merge is not allowed for this repository';

    const { code, stdout } = await remote.setDigest(['non-prod', '--tag', 'sha-abc', '--digest', digest('a')], env());

    expect(code).toBe(0);
    expect(stdout).toContain('skipped: the pull request does not merge itself: Auto merge is not allowed');
  });

  it('is merged at once where it is green already, if it is what was pushed', async () => {
    github.autoMergeError = 'Pull request Pull request is in clean status';

    const { code, stdout } = await remote.setDigest(['non-prod', '--tag', 'sha-abc', '--digest', digest('a')], env());

    expect(code).toBe(0);
    expect(stdout).not.toContain('skipped');
    expect(github.asked.at(-1)).toMatchObject({
      method: 'PUT',
      path: '/repos/acme/hello-world/pulls/1/merge',
      body: { sha: remote.tip('gitops/non-prod'), merge_method: 'squash' },
    });
  });

  it('is closed when its digest is taken back before it has merged, and for no other digest', async () => {
    await remote.setDigest(['non-prod', '--tag', 'sha-a', '--digest', digest('a')], env());

    const other = await remote.setDigest(['non-prod', '--revert', '--digest', digest('b')], env());
    const closedBefore = asked().filter((request) => request.startsWith('PATCH'));
    const ended = await remote.setDigest(['non-prod', '--revert', '--digest', digest('a')], env());
    const again = await remote.setDigest(['non-prod', '--revert', '--digest', digest('a')], env());

    expect(other.stdout).toContain('there is nothing to take back');
    expect(closedBefore).toEqual([]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain(
      `closed https://github.example/acme/hello-world/pull/1, which proposed ${digest('a')}`,
    );
    const closing = github.asked.filter(({ method }) => method === 'PATCH');
    expect(closing.map(({ path, body }) => ({ path, body }))).toEqual([
      { path: '/repos/acme/hello-world/pulls/1', body: { state: 'closed' } },
    ]);
    expect(again.stdout).not.toContain('closed');
  });

  it('is taken back from main when it merges just before it would have been closed', async () => {
    await remote.setDigest(['non-prod', '--tag', 'sha-a', '--digest', digest('a')], env());
    remote.merge('gitops/non-prod');
    await remote.setDigest(['non-prod', '--tag', 'sha-b', '--digest', digest('b')], env());
    github.mergesBeforeClosing = () => remote.merge('gitops/non-prod');

    const ended = await remote.setDigest(['non-prod', '--revert', '--digest', digest('b')], env());

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).not.toContain('closed');
    expect(remote.image('main', NON_PROD)['digest']).toBe(digest('b'));
    expect(remote.image('gitops/non-prod', NON_PROD)['digest']).toBe(digest('a'));
  });

  it('holds back no older commit once it is taken back', async () => {
    const older = remote.commit('a.txt', 'a', 'older');
    const newer = remote.commit('a.txt', 'b', 'newer');
    await remote.setDigest(['non-prod', '--tag', `sha-${newer}`, '--digest', digest('b')], env());

    await remote.setDigest(['non-prod', '--revert', '--digest', digest('b')], env());
    const ended = await remote.setDigest(['non-prod', '--tag', `sha-${older}`, '--digest', digest('a')], env());

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(remote.image('gitops/non-prod', NON_PROD)).toEqual({ tag: `sha-${older}`, digest: digest('a') });
  });

  it('stays open where nobody may close it, which is said', async () => {
    await remote.setDigest(['non-prod', '--tag', 'sha-a', '--digest', digest('a')]);

    const ended = await remote.setDigest(['non-prod', '--revert', '--digest', digest('a')]);

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain(
      `skipped: gitops/non-prod proposes ${digest('a')}, and its pull request stays open: GITOPS_TOKEN is not set`,
    );
  });
});

describe('the release files of this repository', () => {
  it.each([NON_PROD, PROD, PROD_CHART])('%s has the places that are written to', (path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');

    expect(text).toMatch(/^ +tag:.*\n +digest:/m);
  });
});
