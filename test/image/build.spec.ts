import { spawnSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { appendFileSync, chmodSync, existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, jest } from '@jest/globals';
import { docker, whyNoEngine } from '../support/docker.js';
import { endProcesses, startProcess } from '../support/process.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';
import { COMMITTED_AT, CONTEXT, git, makeCheckout, plant, removeCheckouts } from './checkout.js';
import { ROOT } from './image.js';

const CONTROLLER = 'apps/hello-world/src/hello/hello.controller.ts';
const LIMIT_BYTES = 75_000_000;
const PROBE_TIMEOUT_MS = 60_000;

/** What lies about in a checkout and has no business in an image. */
const STRAY = [
  '.env',
  'apps/hello-world/src/secret.spec.ts',
  'deploy/flags/flags.flagd.json',
  'deploy/image/files.allow',
  'dist/apps/old.js',
  'node_modules/left-pad/index.js',
  'scripts/start.ts',
  'server',
];

const images: string[] = [];

interface Build {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What `docker image inspect` has of it. */
  readonly image: {
    readonly Id: string;
    readonly Created: string;
    readonly Os: string;
    readonly Architecture: string;
    readonly RootFS: { readonly Layers: readonly string[] };
    readonly Config: { readonly Labels: Readonly<Record<string, string>> };
  };
}

async function build(root: string, ...flags: readonly string[]): Promise<Build> {
  const name = `hello-world-image-test:${randomUUID()}`;
  images.push(name);
  const script = startProcess(join(root, 'scripts/build-image.sh'), flags, {
    env: { ...process.env, HELLO_WORLD_IMAGE: name },
  });
  const { code } = await script.exit;
  const [image] = JSON.parse(
    await docker(['image', 'inspect', name]).catch(() => {
      throw new Error(script.stderr());
    }),
  ) as [Build['image']];
  return { code, stdout: script.stdout(), stderr: script.stderr(), image };
}

/** Why no image can be built here; `undefined` when one can. */
function whyNoBuild(): string | undefined {
  const engine = whyNoEngine();
  if (engine !== undefined) return engine;
  const noGit = whyNoTool('git');
  if (noGit !== undefined) return noGit;
  const flags = (process.env['DOCKER_BUILD_FLAGS'] ?? '').split(' ').filter((flag) => flag !== '');
  const check = ['buildx', 'build', '--check', ...flags, ROOT];
  const { stderr } = spawnSync('docker', check, { encoding: 'utf8', timeout: PROBE_TIMEOUT_MS });
  return stderr.includes('failed to resolve source metadata')
    ? 'the base images are out of reach; DOCKER_BUILD_FLAGS may name others'
    : undefined;
}

jest.setTimeout(30 * 60_000);

afterEach(async () => {
  await endProcesses();
  removeCheckouts();
  for (const image of images.splice(0)) await docker(['image', 'rm', image]).catch(() => undefined);
});

describeUnless(whyNoEngine())('the context of a build', () => {
  it('holds what the build needs and nothing that lies beside it', async () => {
    const root = makeCheckout();
    for (const path of STRAY) plant(root, path);
    const dockerfile = join(root, 'Dockerfile');
    writeFileSync(dockerfile, 'FROM scratch\nCOPY . /\n');

    await docker(['buildx', 'build', '--output', `type=local,dest=${join(root, 'out')}`, root]);

    const there = (path: string): boolean => existsSync(join(root, 'out', path));
    expect(CONTEXT.filter((path) => !there(path))).toEqual([]);
    expect([...STRAY, '.git', 'Dockerfile'].filter(there)).toEqual([]);
  });
});

describeUnless(whyNoTool('git') ?? whyNoEngine())('what scripts/build-image.sh tells of an image', () => {
  it('is what its labels say, also where a flag of the caller had the last word', async () => {
    const root = makeCheckout();
    const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
    const labels = dockerfile.slice(dockerfile.lastIndexOf('ARG VERSION='));
    plant(root, 'Dockerfile', `FROM scratch\nCOPY LICENSE /\n${labels}`);
    const flags = ['VERSION=9.9.9', 'REVISION=feed', 'CREATED=2001-01-01T00:00:00Z'].map((arg) => `--build-arg=${arg}`);

    const { stdout } = await build(root, ...flags);

    expect(stdout).toMatch(/^image +\S+, version 9\.9\.9, revision feed, created 2001-01-01T00:00:00Z$/m);
  });
});

describeUnless(whyNoBuild())('scripts/build-image.sh', () => {
  it('makes of one commit the same image twice, whenever and wherever, to the digest', async () => {
    const [here, elsewhere] = [makeCheckout(), makeCheckout()];
    // Of somebody with another umask, who checked it out at another time.
    chmodSync(join(elsewhere, CONTROLLER), 0o600);
    chmodSync(join(elsewhere, 'LICENSE'), 0o660);
    utimesSync(join(elsewhere, 'LICENSE'), 1, 1);

    const first = await build(here);
    const second = await build(elsewhere, '--no-cache');

    expect(second.image.RootFS.Layers).toEqual(first.image.RootFS.Layers);
    expect(second.image.Id).toBe(first.image.Id);
    expect(new Date(first.image.Created)).toEqual(new Date(COMMITTED_AT));
  });

  it('tells the id of the image, its platform, and a size that is within the limit', async () => {
    const { code, stdout, image } = await build(makeCheckout());

    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^image id +${image.Id}$`, 'm'));
    expect(stdout).toMatch(new RegExp(`^platform +${image.Os}/${image.Architecture}$`, 'm'));
    const [, packed] = /^compressed +([\d.]+) MB/m.exec(stdout) ?? [];
    const [, unpacked] = /^uncompressed +([\d.]+) MB/m.exec(stdout) ?? [];
    expect(Number(packed) * 1e6).toBeLessThanOrEqual(LIMIT_BYTES);
    expect(Number(packed)).toBeGreaterThan(30);
    expect(Number(unpacked)).toBeGreaterThan(Number(packed));
  });

  it('names the commit, its time and the version, and calls dirty what the commit does not hold', async () => {
    const root = makeCheckout();
    const commit = git(root, 'rev-parse', 'HEAD');
    plant(root, 'notes.md');

    const clean = await build(root);
    appendFileSync(join(root, CONTROLLER), '\n');
    const dirty = await build(root);

    expect(clean.image.Config.Labels).toMatchObject({
      'org.opencontainers.image.revision': commit,
      'org.opencontainers.image.created': COMMITTED_AT,
      'org.opencontainers.image.version': (
        JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
      ).version,
    });
    expect(dirty.image.Config.Labels).toMatchObject({ 'org.opencontainers.image.revision': `${commit}-dirty` });
  });

  it('fails where the image is too large', async () => {
    const root = makeCheckout();
    plant(root, 'LICENSE', randomBytes(LIMIT_BYTES));

    const { code, stderr } = await build(root);

    expect(code).toBe(1);
    expect(stderr).toContain('larger than 75 MB');
  });
});
