import { readFile } from 'node:fs/promises';
import { join, matchesGlob } from 'node:path';
import { afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { docker } from '../support/docker.js';
import { describeUnless } from '../support/unless.js';
import { removeContainers, runContainer } from './container.js';
import { IMAGE, NODE, ROOT, whyNoImage } from './image.js';

interface ImageFile {
  /** From the root, without a leading slash. */
  readonly path: string;
  readonly mode: number;
  readonly uid: number;
  readonly link: boolean;
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

/** What the engine mounts or makes, and the image does not hold. */
const NOT_THE_IMAGE = /^(proc|sys|dev)$|^\.dockerenv$/;
const SET_ID = 0o6000;
const EXECUTABLE = 0o111;
const WRITABLE_BY_OTHERS = 0o022;

const LIST_FILES = `
  const { lstatSync, readdirSync, writeSync } = require('node:fs');
  const files = [];
  const look = (folder) => {
    for (const entry of readdirSync('/' + folder, { withFileTypes: true })) {
      const path = folder + entry.name;
      if (${NOT_THE_IMAGE}.test(path)) continue;
      const { mode, uid } = lstatSync('/' + path);
      if (entry.isDirectory()) look(path + '/');
      else files.push({ path, mode: mode & 0o7777, uid, link: entry.isSymbolicLink() });
    }
  };
  look('');
  console.log(JSON.stringify(files));
`;

/** The allow-list: patterns, and exceptions to them. */
async function readAllowList(): Promise<{ allowed: string[]; refused: string[] }> {
  const lines = (await readFile(join(ROOT, 'deploy/image/files.allow'), 'utf8'))
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  return {
    allowed: lines.filter((line) => !line.startsWith('!')),
    refused: lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1)),
  };
}

jest.setTimeout(2 * 60_000);

afterEach(removeContainers);

describeUnless(whyNoImage())('the content of the image', () => {
  let files: readonly ImageFile[];

  beforeAll(async () => {
    // Root sees every folder.
    const container = await runContainer({ flags: ['--user', '0'], args: ['--eval', LIST_FILES] });
    files = JSON.parse(container.stdout()) as ImageFile[];
    await removeContainers();
  });

  it('is what the allow-list names, to the file', async () => {
    const { allowed, refused } = await readAllowList();
    const matches = (path: string) => (pattern: string) => matchesGlob(path, pattern);

    const unexpected = files
      .map(({ path }) => path)
      .filter((path) => !allowed.some(matches(path)) || refused.some(matches(path)));

    expect(unexpected).toEqual([]);
  });

  it('holds of everything on the allow-list that is ours something', async () => {
    const { allowed } = await readAllowList();
    const ours = allowed.filter((pattern) => /^(app|usr\/local)\//.test(pattern));

    const unused = ours.filter((pattern) => !files.some(({ path }) => matchesGlob(path, pattern)));

    expect(unused).toEqual([]);
  });

  it('has of packages only those that the lock file has for production', async () => {
    const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as LockFile;
    const found = new Set(
      files
        .map(({ path }) => /^app\/(.*\bnode_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1])
        .filter((name) => name !== undefined),
    );

    const unexpected = [...found].filter((name) => {
      const entry = packages[name];
      return entry === undefined || entry.dev === true || entry.optional === true;
    });

    expect(found.size).toBeGreaterThan(50);
    expect(unexpected).toEqual([]);
  });

  it('can execute Node and nothing else: no shell, no npm', () => {
    const executable = files.filter(
      ({ path, mode, link }) => !link && (mode & EXECUTABLE) !== 0 && !/\.so(\.[\d.]+)?$/.test(path),
    );

    // The base image's own, a shell script in an image without a shell.
    expect(executable.map(({ path }) => path).filter((path) => path !== 'usr/sbin/tzconfig')).toEqual([NODE.slice(1)]);
  });

  it('gives nobody rights by a file, and no file to the user it runs as', () => {
    const setId = files.filter(({ mode }) => (mode & SET_ID) !== 0);
    const changeable = files.filter(({ mode, uid, link }) => !link && (uid !== 0 || (mode & WRITABLE_BY_OTHERS) !== 0));

    expect(setId).toEqual([]);
    expect(changeable).toEqual([]);
  });

  it('is run as an unprivileged user, by its entry point, without a shell in between', async () => {
    const [{ Config }] = JSON.parse(await docker(['image', 'inspect', IMAGE])) as [{ Config: unknown }];

    expect(Config).toMatchObject({
      User: '65532',
      WorkingDir: '/app',
      Entrypoint: [NODE],
      Cmd: ['dist/apps/hello-world/src/main.js'],
      ExposedPorts: { '8080/tcp': {} },
    });
  });

  it('runs the Node of the version that the project asks for, with a heap half as large as its memory', async () => {
    const wanted = (await readFile(join(ROOT, '.nvmrc'), 'utf8')).trim();
    const tell = 'console.log(process.version, require("node:v8").getHeapStatistics().heap_size_limit / 2 ** 20)';

    const container = await runContainer({ flags: ['--memory', '192m'], args: ['--eval', tell] });
    const [version, heapMib] = container.stdout().trim().split(' ');

    expect(version).toMatch(new RegExp(`^v${wanted.replace(/^v/, '').replaceAll('.', '\\.')}(\\.|$)`));
    expect(Number(heapMib)).toBeLessThan(120);
    expect(Number(heapMib)).toBeGreaterThan(90);
  });
});
