import { chmodSync, cpSync, readFileSync, rmSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { whyNoEngine } from '../support/docker.js';
import { type Exit, endProcesses, startProcess } from '../support/process.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';
import { git, makeCheckout, plant, removeCheckouts } from './checkout.js';

const DEFAULT_SOURCE = 'the one of the Dockerfile';

/** A docker whose builder knows two platforms. It writes down what it is to build, and refuses the rest. */
const DOCKER = `#!/bin/sh
case "$*" in
  'buildx inspect'*) printf 'Name: any\\nNodes:\\nPlatforms: linux/amd64*, linux/amd64/v2, linux/riscv64\\n' ;;
  'buildx build'*) for argument; do echo "$argument"; done >"$(dirname "$0")/../built"; exit 1 ;;
  *) exit 2 ;;
esac
`;

let root: string;

type Ended = Exit & { readonly stdout: string; readonly stderr: string };

async function run(script: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const path = [join(root, 'bin'), ...(process.env['PATH'] ?? '').split(delimiter)].join(delimiter);
  const child = startProcess(join(root, script), args, { env: { HOME: process.env['HOME'], ...env, PATH: path } });
  return { ...(await child.exit), stdout: child.stdout(), stderr: child.stderr() };
}

/** What docker was told to build: its arguments. */
const built = (): string[] => readFileSync(join(root, 'built'), 'utf8').split('\n');

function plantTool(name: string, content: string): void {
  plant(root, `bin/${name}`, content);
  chmodSync(join(root, 'bin', name), 0o755);
}

jest.setTimeout(2 * 60_000);

beforeEach(() => {
  root = makeCheckout();
});

afterEach(async () => {
  await endProcesses();
  removeCheckouts();
});

describeUnless(whyNoTool('git'))('scripts/build-image.sh, by what it tells docker', () => {
  beforeEach(() => plantTool('docker', DOCKER));

  it.each([
    ['https://github.com/team/service.git', 'https://github.com/team/service'],
    ['https://somebody:s3cret@git.example.org:8443/team/service', 'https://git.example.org:8443/team/service'],
    ['git@github.com:team/service.git', 'https://github.com/team/service'],
    ['ssh://git@git.example.org:2222/team/service.git/', 'https://git.example.org/team/service'],
    ['/srv/git/service.git', DEFAULT_SOURCE],
    ['file:///srv/git/service.git', DEFAULT_SOURCE],
    [undefined, DEFAULT_SOURCE],
  ])('of a clone of %s takes as its source %s', async (remote, source) => {
    if (remote !== undefined) git(root, 'remote', 'add', 'origin', remote);

    await run('scripts/build-image.sh');

    const told = built().find((argument) => argument.startsWith('SOURCE='));
    expect(told ?? DEFAULT_SOURCE).toBe(source === DEFAULT_SOURCE ? source : `SOURCE=${source}`);
  });

  it('takes the source that it is told over the one it finds', async () => {
    git(root, 'remote', 'add', 'origin', 'https://github.com/team/service.git');

    await run('scripts/build-image.sh', [], { SOURCE: 'https://example.org/other' });

    expect(built()).toContain('SOURCE=https://example.org/other');
  });

  it('does not call dirty what does not get into the image', async () => {
    plant(root, 'libs/health/src/any.spec.ts');

    await run('scripts/build-image.sh');

    expect(built()).toContain(`REVISION=${git(root, 'rev-parse', 'HEAD')}`);
  });

  /** The project without its own git, in a folder of another repository. @returns the folder */
  const unpackHere = (): string => {
    const isGit = (path: string): boolean => basename(path) === '.git';
    cpSync(makeCheckout(), join(root, 'unpacked'), { recursive: true, filter: (path) => !isGit(path) });
    return 'unpacked';
  };

  it.each<[string, () => string]>([
    ['unpacked into another repository', unpackHere],
    ['taken into another repository, in a folder of it', () => (git(root, 'add', unpackHere()), 'unpacked')],
    ['unpacked over another repository', () => (git(root, 'rm', '--quiet', '--cached', 'package.json'), '.')],
    ['without git', () => (rmSync(join(root, '.git'), { recursive: true }), '.')],
  ])('names neither commit, time nor source where the project is %s', async (_where, arrange) => {
    git(root, 'remote', 'add', 'origin', 'https://github.com/team/other.git');
    const folder = arrange();

    await run(join(folder, 'scripts/build-image.sh'));

    expect(built()).toEqual(expect.arrayContaining(['REVISION=unknown', 'CREATED=1970-01-01T00:00:00Z']));
    expect(built().join()).not.toContain('SOURCE=');
  });

  it.each(['garbage', '1.5', '-1', '2025-06-15', '17500000000000'])(
    'refuses by one sentence SOURCE_DATE_EPOCH=%s, which is no time in seconds',
    async (value) => {
      const { code, stderr } = await run('scripts/build-image.sh', [], { SOURCE_DATE_EPOCH: value });

      expect(code).toBe(1);
      expect(stderr).toBe(
        `build-image: SOURCE_DATE_EPOCH is to be a time in whole seconds since 1970, as \`git log -1 --format=%ct\` tells it, not ${value}\n`,
      );
      expect(built).toThrow('ENOENT');
    },
  );

  it('takes the time that it is told over the one of the commit', async () => {
    await run('scripts/build-image.sh', [], { SOURCE_DATE_EPOCH: '1750000000' });

    expect(built()).toEqual(expect.arrayContaining(['SOURCE_DATE_EPOCH=1750000000', 'CREATED=2025-06-15T15:06:40Z']));
  });

  it.each([['--platform', 'linux/riscv64'], ['--platform=linux/amd64'], ['--platform=linux/amd64/v2']])(
    'builds for a platform that its builder runs: %s %s',
    async (...flags) => {
      await run('scripts/build-image.sh', flags);

      expect(built()).toEqual(expect.arrayContaining(flags));
    },
  );

  it.each<[string, readonly string[], NodeJS.ProcessEnv]>([
    ['an argument', ['--platform', 'linux/arm64'], {}],
    ['DOCKER_BUILD_FLAGS', [], { DOCKER_BUILD_FLAGS: '--pull --platform=linux/arm64' }],
    ['DOCKER_DEFAULT_PLATFORM', [], { DOCKER_DEFAULT_PLATFORM: 'linux/arm64' }],
  ])('refuses by one sentence what %s asks for and the builder does not run', async (_by, args, env) => {
    const { code, stderr } = await run('scripts/build-image.sh', args, env);

    expect(code).toBe(1);
    expect(stderr).toMatch(/^build-image: the builder runs linux\/amd64, .*, not linux\/arm64: .*\n$/);
    expect(built).toThrow('ENOENT');
  });

  it('refuses several platforms at once, of which it could measure none', async () => {
    const { code, stderr } = await run('scripts/build-image.sh', ['--platform=linux/amd64,linux/riscv64']);

    expect(code).toBe(1);
    expect(stderr).toMatch(/^build-image: one platform at a time, not linux\/amd64,linux\/riscv64: .*\n$/);
  });
});

describeUnless(whyNoTool('git'))('scripts/check-image.sh, by what it tells docker', () => {
  it('looks at the Dockerfile for each platform, with the flags of DOCKER_BUILD_FLAGS', async () => {
    plantTool('docker', '#!/bin/sh\necho "$@" >>"$(dirname "$0")/../built"\n');
    for (const tool of ['hadolint', 'checkov', 'shellcheck']) plantTool(tool, '#!/bin/sh\n');

    const { code, stdout } = await run('scripts/check-image.sh', ['--pull'], { DOCKER_BUILD_FLAGS: '--no-cache' });

    const check = (platform: string): string => `buildx build --check --platform ${platform} --no-cache --pull .`;
    expect(built()).toEqual([check('linux/amd64'), check('linux/arm64'), '']);
    expect(stdout).toContain('BuildKit passed for linux/amd64');
    expect(stdout).toContain('BuildKit passed for linux/arm64');
    expect(code).toBe(0);
  });
});

describeUnless(whyNoTool('git') ?? whyNoEngine())('scripts/check-image.sh', () => {
  beforeEach(() => {
    for (const tool of ['hadolint', 'checkov', 'shellcheck']) plantTool(tool, '#!/bin/sh\n');
  });

  it('is content with the Dockerfile for every platform, whether or not the base images can be had', async () => {
    const { code, stdout } = await run('scripts/check-image.sh');

    expect(stdout).toContain('BuildKit passed for linux/amd64');
    expect(stdout).toContain('BuildKit passed for linux/arm64');
    expect(code).toBe(0);
  });

  it('is not content with a stage that is fixed to one architecture', async () => {
    const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8');
    plant(root, 'Dockerfile', dockerfile.replace('FROM base AS build', 'FROM --platform=linux/amd64 base AS build'));

    const { code, stdout, stderr } = await run('scripts/check-image.sh');

    expect(stdout).toContain('FromPlatformFlagConstDisallowed');
    expect(stderr).toContain('check-image: failed: BuildKit (linux/amd64) BuildKit (linux/arm64)');
    expect(code).toBe(1);
  });
});
