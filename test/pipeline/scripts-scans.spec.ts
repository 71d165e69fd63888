import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { whyNoTool } from '../support/tools.js';
import { describeUnless, itUnless } from '../support/unless.js';
import { GitRemote } from './git-remote.js';
import { pathWithout } from './planted.js';
import { type Ended, run, runStep } from './script.js';
import { savedImage } from './synthetic-image.js';

jest.setTimeout(180_000);

let folder: string;

/** A folder for the PATH with a program in it, which notes how it was called and ends with a code. */
function programs(name: string, code: number): { PATH: string; calls: () => string } {
  const bin = mkdtempSync(join(folder, 'bin-'));
  const log = join(bin, 'calls.log');
  writeFileSync(join(bin, name), `#!/bin/sh\necho "$@" >>'${log}'\nexit ${code}\n`);
  chmodSync(join(bin, name), 0o755);
  return { PATH: `${bin}:${process.env['PATH']}`, calls: () => (existsSync(log) ? readFileSync(log, 'utf8') : '') };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scripts-scans-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  ['osv.sh', [], 'osv-scanner'],
  ['trivy.sh', ['fs'], 'trivy'],
  ['trivy.sh', ['config'], 'trivy'],
  ['trivy.sh', ['image'], 'trivy'],
  ['secrets.sh', [], 'gitleaks'],
  ['sast.sh', [], 'semgrep'],
] as const)('%s %s', (step, args, tool) => {
  it('is skipped where its tool is not, with the reason in the summary, and fails where the tool was to be', async () => {
    const PATH = pathWithout(folder, tool);
    const summary = join(mkdtempSync(join(folder, 'summary-')), 'summary.md');

    const skipped = await runStep(step, args, { env: { PATH, GITHUB_STEP_SUMMARY: summary } });
    const failed = await runStep(step, args, { env: { PATH, REQUIRE_TOOLS: 'true' } });

    expect(skipped).toMatchObject({ code: 0, stderr: '', stdout: `skipped: there is no ${tool} on the PATH\n` });
    expect(readFileSync(summary, 'utf8')).toContain(`skipped: there is no ${tool} on the PATH`);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain(`there is no ${tool} on the PATH, and REQUIRE_TOOLS is set`);
  });
});

describe('trivy.sh', () => {
  it('passes when Trivy does, and fails when Trivy finds something', async () => {
    const [fine, bad] = [programs('trivy', 0), programs('trivy', 1)];
    const OUT = mkdtempSync(join(folder, 'out-'));

    expect(await runStep('trivy.sh', ['fs'], { env: { OUT, PATH: fine.PATH } })).toMatchObject({ code: 0, stderr: '' });
    const found = await runStep('trivy.sh', ['config'], { env: { OUT, PATH: bad.PATH } });

    expect(found.code).toBe(1);
    expect(found.stderr).toContain('trivy finds something HIGH or CRITICAL, or could not look');
    expect(fine.calls()).toMatch(/^fs .*--severity HIGH,CRITICAL --exit-code 1/);
  });

  it('looks at the archive that was built, and at nothing that took its place', async () => {
    const trivy = programs('trivy', 0);
    const OUT = mkdtempSync(join(folder, 'out-'));
    await runStep('oci.ts', ['pack', 'hello-world', 'pr-1', savedImage(OUT, 'x'), OUT]);

    expect(await runStep('trivy.sh', ['image'], { env: { OUT, PATH: trivy.PATH } })).toMatchObject({ code: 0 });
    expect(trivy.calls()).toContain(`--input ${OUT}/image.tar`);

    writeFileSync(join(OUT, 'image.tar'), 'something else');
    const replaced = await runStep('trivy.sh', ['image'], { env: { OUT, PATH: trivy.PATH } });
    expect(replaced.code).toBe(1);
    expect(replaced.stderr).toContain('there is no image to look at');
  });

  it('refuses what it does not know, and an image that is not named by its digest', async () => {
    const { PATH } = programs('trivy', 0);

    expect((await runStep('trivy.sh', ['everything'])).stderr).toContain('usage: scripts/ci/trivy.sh fs|config|image');
    const byTag = await runStep('trivy.sh', ['image', 'localhost:5000/hello-world:latest'], {
      env: { PATH, OUT: folder },
    });
    expect(byTag.stderr).toContain('is not a reference by digest');
  });
});

describe('osv.sh', () => {
  it('passes when the scanner does, and fails when it finds something', async () => {
    const OUT = mkdtempSync(join(folder, 'out-'));

    expect(await runStep('osv.sh', [], { env: { OUT, PATH: programs('osv-scanner', 0).PATH } })).toMatchObject({
      code: 0,
    });
    const found = await runStep('osv.sh', [], { env: { OUT, PATH: programs('osv-scanner', 1).PATH } });

    expect(found.code).toBe(1);
    expect(found.stderr).toContain('osv-scanner knows of something');
  });
});

describeUnless(whyNoTool('gitleaks'))('secrets.sh in a repository of its own', () => {
  /** Made here, so that this file has none. */
  const secret = ['AKIA', 'Q3RNZ7YB2MWXK5TD'].join('');

  const secrets = async (repository: GitRemote): Promise<Ended> =>
    run(join(repository.checkout, 'scripts/ci/secrets.sh'), [], {
      cwd: repository.checkout,
      env: { OUT: join(repository.checkout, 'out') },
    });

  const repositoryOf = (): GitRemote =>
    new GitRemote(folder, ['scripts/ci/lib.sh', 'scripts/ci/secrets.sh', '.gitleaks.toml', '.gitignore']);

  it('passes where there is none, whatever lies in a folder that git ignores', async () => {
    const repository = repositoryOf();
    mkdirSync(join(repository.checkout, 'node_modules'));
    writeFileSync(join(repository.checkout, 'node_modules/key.js'), `const id = '${secret}';\n`);

    const ended = await secrets(repository);

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/no secret in 1 commits and \d+ files/);
  });

  it('finds one that was removed again by a later commit, and does not print it', async () => {
    const repository = repositoryOf();
    repository.commit('key.ts', `const id = '${secret}';\n`, 'a mistake');
    repository.commit('key.ts', 'const id = read();\n', 'hide it');

    const { code, stdout, stderr } = await secrets(repository);

    expect(code).toBe(1);
    expect(stderr).toContain('a commit has a secret: replace it where it is used');
    expect(stdout).not.toContain(secret);
  });

  it('finds one in a file that is not committed yet, and a password in a URL', async () => {
    const repository = repositoryOf();
    writeFileSync(
      join(repository.checkout, 'new.env'),
      ['DATABASE_URL=postgres://app:', 'kX9w2Lq8Zr4T', '@db.example/app\n'].join(''),
    );

    const { code, stdout, stderr } = await secrets(repository);

    expect(code).toBe(1);
    expect(stderr).toContain('a file has a secret: take it out before it is committed');
    expect(stdout).toContain('password-in-url');
  });
});

describe('workflows.sh', () => {
  itUnless(whyNoTool('actionlint'))('fails for a workflow that is not one, and names who says so', async () => {
    const repository = new GitRemote(folder, ['scripts/ci/lib.sh', 'scripts/ci/workflows.sh', 'docker-compose.yml']);
    repository.commit(
      '.github/workflows/x.yml',
      'name: x\non: push\njobs:\n  a:\n    runs-on: nowhere\n    stepz: []\n',
      'x',
    );

    const { code, stderr } = await run(join(repository.checkout, 'scripts/ci/workflows.sh'), [], {
      cwd: repository.checkout,
    });

    expect(code).toBe(1);
    expect(stderr).toMatch(/workflows: failed: actionlint/);
  });

  it('is skipped where there are no workflows', async () => {
    const repository = new GitRemote(folder, ['scripts/ci/lib.sh', 'scripts/ci/workflows.sh']);

    const ended = await run(join(repository.checkout, 'scripts/ci/workflows.sh'), [], { cwd: repository.checkout });

    expect(ended).toMatchObject({ code: 0, stdout: 'skipped: there are no workflows in .github/workflows\n' });
  });
});

describe('zap.sh', () => {
  it('is skipped where there is no engine, and where its image is not to be had', async () => {
    const noEngine = await runStep('zap.sh', [], { env: { PATH: pathWithout(folder, 'docker') } });
    const noImage = await runStep('zap.sh', [], { env: { ZAP_IMAGE: 'localhost:1/zap:none', PATH: docker() } });

    expect(noEngine).toMatchObject({ code: 0, stdout: expect.stringMatching(/^skipped: /) });
    expect(noImage.stdout).toBe(
      'skipped: there is no image localhost:1/zap:none here, and no registry that has it answers\n',
    );
  });

  /** Answers as an engine that has no image and reaches no registry. */
  function docker(): string {
    const bin = mkdtempSync(join(folder, 'docker-'));
    writeFileSync(join(bin, 'docker'), '#!/bin/sh\n[ "$1" = version ]\n');
    chmodSync(join(bin, 'docker'), 0o755);
    return `${bin}:${process.env['PATH']}`;
  }

  it.each([
    ['a warning', 2, {}, 0],
    ['a warning that blocks', 2, { ZAP_BLOCKING: 'true' }, 1],
    ['nothing', 0, { ZAP_BLOCKING: 'true' }, 0],
    ['its own failure', 3, {}, 1],
  ])('judges %s by what ZAP ends with', async (_what, zap, env, expected) => {
    const bin = mkdtempSync(join(folder, 'docker-'));
    writeFileSync(join(bin, 'docker'), `#!/bin/sh\ncase "$*" in *zap-baseline.py*) exit ${zap} ;; esac\n`);
    chmodSync(join(bin, 'docker'), 0o755);
    const OUT = mkdtempSync(join(folder, 'out-'));

    const ended = await runStep('zap.sh', [], { env: { ...env, OUT, PATH: `${bin}:${process.env['PATH']}` } });

    expect(ended.code).toBe(expected);
  });
});
