import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { GitRemote } from './git-remote.js';
import { digest, NON_PROD, OPTION_B, PROD, ReleaseRemote } from './release-remote.js';
import { type Ended, ROOT, run } from './script.js';

jest.setTimeout(120_000);

let folder: string;
let remote: ReleaseRemote;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scripts-gitops-order-'));
});

beforeEach(() => {
  remote = new ReleaseRemote(folder, ['deploy/flux']);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a commit of main that is proposed by set-digest.ts', () => {
  it('does not go back to an older commit because its run took longer', async () => {
    const older = remote.commit('a.txt', 'a', 'older');
    const newer = remote.commit('a.txt', 'b', 'newer');
    await remote.propose('non-prod', `sha-${newer}`, 'b');
    remote.merge('gitops/non-prod');

    const late = await remote.propose('non-prod', `sha-${older}`, 'a');

    expect(late.code).toBe(0);
    expect(late.stdout).toContain(`skipped: non-prod runs sha-${newer} already, which is newer than sha-${older}`);
    expect(remote.image('main', NON_PROD)['digest']).toBe(digest('b'));
  });

  it('goes back to an older commit when somebody says so', async () => {
    const older = remote.commit('a.txt', 'a', 'older');
    const newer = remote.commit('a.txt', 'b', 'newer');
    await remote.propose('non-prod', `sha-${newer}`, 'b');
    remote.merge('gitops/non-prod');

    const back = await remote.propose('non-prod', `sha-${older}`, 'a', '--back');

    expect(back).toMatchObject({ code: 0, stderr: '' });
    expect(remote.image('gitops/non-prod', NON_PROD)['digest']).toBe(digest('a'));
  });

  it('leaves the proposal of a newer commit that nobody has merged yet', async () => {
    const older = remote.commit('a.txt', 'a', 'older');
    const newer = remote.commit('a.txt', 'b', 'newer');
    await remote.propose('non-prod', `sha-${newer}`, 'b');

    const late = await remote.propose('non-prod', `sha-${older}`, 'a');

    expect(late.stdout).toContain(`skipped: non-prod waits for sha-${newer} already, which is newer than sha-${older}`);
    expect(remote.image('gitops/non-prod', NON_PROD)['digest']).toBe(digest('b'));
  });

  it('puts no commit in the place of a release of the same or of a newer one', async () => {
    const older = remote.commit('a.txt', 'a', 'older');
    const released = remote.commit('a.txt', 'b', 'released');
    const newer = remote.commit('a.txt', 'c', 'newer');
    remote.git('tag', 'release/1.2.3', released);
    remote.git('push', '--quiet', 'origin', 'release/1.2.3');
    await remote.propose('prod', '1.2.3', 'b', '--chart-digest', digest('d'));
    remote.merge('gitops/prod');

    const before = await remote.propose('prod', `sha-${older}`, 'a');
    const same = await remote.propose('prod', `sha-${released}`, 'b');
    const after = await remote.propose('prod', `sha-${newer}`, 'c');

    expect(before.stdout).toBe(`skipped: prod runs 1.2.3 already, which is newer than sha-${older}\n`);
    expect(same.stdout).toBe(`skipped: prod runs 1.2.3 already, which is of the same commit as sha-${released}\n`);
    expect(after.stdout).toContain('gitops/prod is pushed');
  });

  it('puts no commit in the place of a release whose pull request waits', async () => {
    await remote.propose('prod', '1.2.3', 'b', '--chart-digest', digest('d'));
    remote.merge('gitops/prod');
    await remote.propose('prod', '1.2.4', 'c', '--chart-digest', digest('e'));
    const newer = remote.commit('a.txt', 'c', 'newer');

    const ended = await remote.propose('prod', `sha-${newer}`, 'f');

    expect(ended.stdout).toMatch(/^skipped: the release 1\.2\.4 waits for prod: merge its pull request/);
    expect(remote.image('gitops/prod', PROD)['tag']).toBe('1.2.4');
  });
});

describe('a release that is proposed by set-digest.ts', () => {
  const release = async (version: string, of: string, ...more: readonly string[]) =>
    remote.propose('prod', version, of, '--chart-digest', digest(of), ...more);

  it('is not lost in silence when it waits while prod goes back', async () => {
    await release('1.2.3', 'a');
    remote.merge('gitops/prod');
    await release('1.2.4', 'b');
    remote.merge('gitops/prod');
    await release('1.2.5', 'c');

    const back = await remote.setDigest(['prod', '--revert', '--digest', digest('b')]);
    const again = await remote.setDigest(['prod', '--revert', '--digest', digest('b')]);

    expect(remote.image('gitops/prod', PROD)['tag']).toBe('1.2.3');
    expect(back.stdout).toContain('1.2.5 waited there: propose it again once prod has gone back');
    expect(again.stdout).not.toContain('waited there');
  });

  it('does not take the place of a newer version that runs, waits, or has its chart there', async () => {
    await release('1.9.0', 'a');
    remote.merge('gitops/prod');
    await release('1.10.0', 'b');

    const waits = await release('1.9.1', 'c');
    remote.merge('gitops/prod');
    const runs = await release('1.9.2', 'd');
    const newer = remote.commit('a.txt', 'a', 'newer');
    await remote.propose('prod', `sha-${newer}`, 'e');
    remote.merge('gitops/prod');
    const hasItsChart = await release('1.9.3', 'f');

    expect(waits.stdout).toBe('skipped: prod waits for 1.10.0 already, which is newer than 1.9.1\n');
    expect(runs.stdout).toBe('skipped: prod runs 1.10.0 already, which is newer than 1.9.2\n');
    expect(hasItsChart.stdout).toBe('skipped: prod runs 1.10.0 already, which is newer than 1.9.3\n');
    expect(remote.image('main', PROD)['digest']).toBe(digest('e'));
  });

  it('takes the place of an older one, and with --back of a newer one', async () => {
    await release('1.9.0', 'a');
    await release('1.10.0', 'b');
    expect(remote.image('gitops/prod', PROD)).toEqual({ tag: '1.10.0', digest: digest('b') });

    await release('1.9.0', 'a', '--back');

    expect(remote.image('gitops/prod', PROD)).toEqual({ tag: '1.9.0', digest: digest('a') });
  });

  it('is the newest of several whose runs end at once', async () => {
    const ended = await Promise.all([release('1.10.0', 'c'), release('1.9.0', 'b'), release('1.2.3', 'a')]);

    expect(ended.map(({ code, stderr }) => ({ code, stderr }))).toEqual(ended.map(() => ({ code: 0, stderr: '' })));
    expect(remote.image('gitops/prod', PROD)).toEqual({ tag: '1.10.0', digest: digest('c') });
  });
});

describe('set-digest.ts with option b', () => {
  /** The service's own repository, which has the history that the platform's lacks. */
  let service: GitRemote;

  const proposeToPlatform = async (tag: string, of: string, ...more: readonly string[]): Promise<Ended> => {
    const args = [
      'non-prod',
      '--tag',
      tag,
      '--digest',
      digest(of),
      '--option',
      'b',
      '--repository',
      'registry.example/x',
    ];
    const script = join(service.checkout, 'scripts/ci/set-digest.ts');
    return run(process.execPath, [script, ...args, ...more], {
      cwd: service.checkout,
      env: { GITOPS_REMOTE: remote.url },
    });
  };

  beforeEach(() => {
    remote = new ReleaseRemote(folder);
    service = new GitRemote(folder, ['scripts/ci', 'deploy/flux', 'package.json']);
    symlinkSync(join(ROOT, 'node_modules'), join(service.checkout, 'node_modules'));
  });

  it('puts no older commit in the place of one that runs or waits, but for --back', async () => {
    const older = service.commit('a.txt', 'a', 'older');
    const newer = service.commit('a.txt', 'b', 'newer');
    await proposeToPlatform(`sha-${newer}`, 'b');

    const waits = await proposeToPlatform(`sha-${older}`, 'a');
    remote.merge('gitops/non-prod');
    const runs = await proposeToPlatform(`sha-${older}`, 'a');
    const back = await proposeToPlatform(`sha-${older}`, 'a', '--back');

    expect(waits.stdout).toBe(`skipped: non-prod waits for sha-${newer} already, which is newer than sha-${older}\n`);
    expect(runs.stdout).toBe(`skipped: non-prod runs sha-${newer} already, which is newer than sha-${older}\n`);
    expect(back.stdout).toContain('gitops/non-prod is pushed');
    expect(remote.image('gitops/non-prod', OPTION_B)['tag']).toBe(`sha-${older}@${digest('a')}`);
  });

  it('knows of which commit a release is, and which is newer', async () => {
    const older = service.commit('a.txt', 'a', 'older');
    service.commit('a.txt', 'b', 'released');
    service.git('tag', 'release/1.10.0');
    await proposeToPlatform('1.10.0', 'b');

    const commit = await proposeToPlatform(`sha-${older}`, 'a');
    const release = await proposeToPlatform('1.9.0', 'a');

    expect(commit.stdout).toBe(`skipped: non-prod waits for 1.10.0 already, which is newer than sha-${older}\n`);
    expect(release.stdout).toBe('skipped: non-prod waits for 1.10.0 already, which is newer than 1.9.0\n');
  });
});

describe('revert.sh', () => {
  it('proposes what ran before, when its digest is the one that runs', async () => {
    for (const letter of ['a', 'b']) {
      await remote.propose('non-prod', `sha-${letter}`, letter);
      remote.merge('gitops/non-prod');
    }

    const ended = await remote.revert('b');

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(remote.image('gitops/non-prod', NON_PROD)).toEqual({ tag: 'sha-a', digest: digest('a') });
  });

  it('leaves what else was changed in the file since then', async () => {
    for (const letter of ['a', 'b']) {
      await remote.propose('non-prod', `sha-${letter}`, letter);
      remote.merge('gitops/non-prod');
    }
    const text = remote.read('main', NON_PROD);
    remote.commit(NON_PROD, `${text.replace('maxReplicas: 3', 'maxReplicas: 9')}\n`, 'more replicas');

    await remote.revert('b');

    expect(remote.image('gitops/non-prod', NON_PROD)).toEqual({ tag: 'sha-a', digest: digest('a') });
    expect(remote.read('gitops/non-prod', NON_PROD)).toContain('maxReplicas: 9');
  });

  it('goes back to nothing that was taken back itself', async () => {
    for (const letter of ['a', 'b', 'c']) {
      await remote.propose('non-prod', `sha-${letter}`, letter);
      remote.merge('gitops/non-prod');
    }
    await remote.revert('c');
    remote.merge('gitops/non-prod');

    const ended = await remote.revert('b');

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(remote.image('gitops/non-prod', NON_PROD)).toEqual({ tag: 'sha-a', digest: digest('a') });
  });

  it('goes back to what was taken back once and runs well since then', async () => {
    for (const letter of ['a', 'b', 'a', 'b', 'c']) {
      await remote.propose('non-prod', `sha-${letter}`, letter, '--back');
      remote.merge('gitops/non-prod');
    }

    await remote.revert('c');

    expect(remote.image('gitops/non-prod', NON_PROD)).toEqual({ tag: 'sha-b', digest: digest('b') });
  });

  it('is skipped when something else runs by now, and says so when nothing ran before', async () => {
    await remote.propose('non-prod', 'sha-a', 'a');
    remote.merge('gitops/non-prod');

    expect((await remote.revert('b')).stdout).toContain(`skipped: non-prod runs ${digest('a')}, not ${digest('b')}`);
    const first = await remote.revert('a');
    expect(first.code).toBe(1);
    expect(first.stderr).toMatch(/nothing ran in non-prod before/);
  });
});
