import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Exit, endProcesses, startProcess } from '../support/process.js';
import { ROOT } from './image.js';

const digest = (character: string): string => `sha256:${character.repeat(64)}`;

/** A docker whose registries know three tags, and cannot be reached for the rest. */
const DOCKER = `#!/bin/sh
case "$*" in
  'buildx imagetools inspect node:26 --format {{json .Manifest}}') echo '{"digest":"${digest('a')}"}' ;;
  'buildx imagetools inspect localhost:5000/team/base:1.2 --format {{json .Manifest}}') echo '{"digest":"${digest('b')}"}' ;;
  'buildx imagetools inspect prom/prometheus:v3 --format {{json .Manifest}}') echo '{"digest":"${digest('c')}"}' ;;
  *) echo 'ERROR: no such host' >&2; exit 1 ;;
esac
`;

const dockerfile = (node: string, base: string): string => `# node:26@${digest('0')} is only a comment
FROM node:26@${node} AS build
FROM build AS more
FROM --platform=$BUILDPLATFORM localhost:5000/team/base:1.2${base}
`;
const compose = (prometheus: string): string => `services:
  hello-world:
    image: \${HELLO_WORLD_IMAGE:-hello-world:local}
  prometheus:
    image: prom/prometheus:\${PROMETHEUS_TAG:-v3${prometheus}}
`;

let folder: string;

const file = (name: string): string => join(folder, name);

async function refresh(...options: readonly string[]): Promise<Exit & { stdout: string; stderr: string }> {
  const script = startProcess(
    process.execPath,
    [join(ROOT, 'scripts/refresh-digests.ts'), ...options, file('Dockerfile'), file('compose.yml')],
    { env: { PATH: `${file('bin')}:${process.env['PATH']}` } },
  );
  return { ...(await script.exit), stdout: script.stdout(), stderr: script.stderr() };
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'refresh-digests-'));
  await mkdir(file('bin'));
  await writeFile(file('bin/docker'), DOCKER);
  await chmod(file('bin/docker'), 0o755);
});

afterEach(async () => {
  await endProcesses();
  await rm(folder, { recursive: true });
});

describe('scripts/refresh-digests.ts', () => {
  it('pins every image to the digest that its registry names, and leaves the rest as it is', async () => {
    await writeFile(file('Dockerfile'), dockerfile(digest('0'), ''));
    await writeFile(file('compose.yml'), compose(`@${digest('0')}`));

    const { code } = await refresh();

    expect(code).toBe(0);
    expect(await readFile(file('Dockerfile'), 'utf8')).toBe(dockerfile(digest('a'), `@${digest('b')}`));
    expect(await readFile(file('compose.yml'), 'utf8')).toBe(compose(`@${digest('c')}`));
  });

  it('with --check names the file that is not current, and changes nothing', async () => {
    await writeFile(file('Dockerfile'), dockerfile(digest('a'), `@${digest('b')}`));
    await writeFile(file('compose.yml'), compose(''));

    const { code, stdout } = await refresh('--check');

    expect(code).toBe(1);
    expect(stdout).toBe(`${file('compose.yml')}: not current\n`);
    expect(await readFile(file('compose.yml'), 'utf8')).toBe(compose(''));
  });

  it('refuses an option that it does not know, and writes nothing', async () => {
    const before = dockerfile(digest('0'), '');
    await writeFile(file('Dockerfile'), before);

    const { code, stderr } = await refresh('--chek');

    expect(code).toBe(2);
    expect(stderr).toContain("Unknown option '--chek'");
    expect(await readFile(file('Dockerfile'), 'utf8')).toBe(before);
  });

  it('says which registry did not answer, and refreshes the others', async () => {
    await writeFile(file('Dockerfile'), `${dockerfile(digest('0'), '')}FROM example.org/gone:1@${digest('0')}\n`);
    await writeFile(file('compose.yml'), compose(`@${digest('c')}`));

    const { code, stderr } = await refresh();

    expect(code).toBe(2);
    expect(stderr).toBe('example.org/gone:1: not refreshed, its registry did not say: ERROR: no such host\n');
    expect(await readFile(file('Dockerfile'), 'utf8')).toBe(
      `${dockerfile(digest('a'), `@${digest('b')}`)}FROM example.org/gone:1@${digest('0')}\n`,
    );
  });
});
