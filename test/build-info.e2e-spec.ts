import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { type Checkout, copyCheckout } from './support/checkout.js';
import { startProcess } from './support/process.js';
import { describeUnless } from './support/unless.js';

const CONTROLLER = 'apps/hello-world/src/hello/hello.controller.ts';

let checkout: Checkout;

function git(...args: readonly string[]): string {
  const nobody = ['-c', 'user.name=nobody', '-c', 'user.email=nobody@example.org', '-c', 'commit.gpgSign=false'];
  return execFileSync('git', [...nobody, ...args], { cwd: checkout.root, encoding: 'utf8' }).trim();
}

/** @returns the commit */
function commit(): string {
  git(
    'add',
    ...['apps', 'libs', 'migrations', 'package.json', 'tsconfig.json', 'nest-cli.json', '.swcrc', 'scripts/bundle.ts'],
  );
  git('commit', '--quiet', '--allow-empty', '--message', 'any');
  return git('rev-parse', 'HEAD');
}

async function run(script: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const program = startProcess(process.execPath, [join('scripts', script)], { cwd: checkout.root, env });
  expect(await program.exit).toEqual({ code: 0, signal: null });
}

const revision = (): string => {
  const record = JSON.parse(readFileSync(join(checkout.root, 'dist/build-info.json'), 'utf8')) as { revision: string };
  return record.revision;
};

beforeEach(() => {
  checkout = copyCheckout();
  git('init', '--quiet');
  commit();
});

afterEach(() => checkout.remove());

const noGit = spawnSync('git', ['--version']).status === 0 ? undefined : 'needs git';

describeUnless(noGit)('the record of what was built', () => {
  it('names the commit', async () => {
    await run('write-build-info.ts');

    expect(revision()).toBe(git('rev-parse', 'HEAD'));
  });

  it.each([
    ['a source that differs from it', () => appendFileSync(join(checkout.root, CONTROLLER), '\n')],
    ['a source that is new', () => writeFileSync(join(checkout.root, 'libs/new.ts'), '')],
    ['a staged source', () => (appendFileSync(join(checkout.root, CONTROLLER), '\n'), git('add', CONTROLLER))],
  ])('names no commit as it is for %s', async (_what, change) => {
    change();

    await run('write-build-info.ts');

    expect(revision()).toBe(`${git('rev-parse', 'HEAD')}-dirty`);
  });

  it('names the commit whatever lies beside the sources', async () => {
    writeFileSync(join(checkout.root, 'notes.md'), 'not built');

    await run('write-build-info.ts');

    expect(revision()).toBe(git('rev-parse', 'HEAD'));
  });

  it('says what is said from outside, and no more', async () => {
    appendFileSync(join(checkout.root, CONTROLLER), '\n');

    await run('write-build-info.ts', { REVISION: 'abc' });

    expect(revision()).toBe('abc');
  });
});

describeUnless(noGit)('a build that is current', () => {
  /** When the build was made, and when what it compiled was. */
  const times = (): number[] =>
    ['dist/build-info.json', 'dist/apps/hello-world/src/main.js'].map(
      (file) => statSync(join(checkout.root, file)).mtimeMs,
    );

  it('follows a commit that changes no source, without a new build', async () => {
    await run('write-build-info.ts', { REVISION: 'before' });
    const before = times();
    const head = commit();

    await run('ensure-build.ts');

    expect(revision()).toBe(head);
    expect(times()).toEqual(before);
  });

  it('keeps what it says where git cannot say more', async () => {
    await run('write-build-info.ts', { REVISION: 'before' });

    await run('ensure-build.ts', { GIT_DIR: '/nowhere' });

    expect(revision()).toBe('before');
  });

  it('is built again when a source changes', async () => {
    const [, before] = times();
    appendFileSync(join(checkout.root, CONTROLLER), '\n');

    await run('ensure-build.ts');

    expect(revision()).toBe(`${git('rev-parse', 'HEAD')}-dirty`);
    expect(times()[1]).toBeGreaterThan(before!);
  });
});
