import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readArchive } from '../../scripts/ci/oci/archive.js';
import { docker, whyNoEngine } from '../support/docker.js';
import { itUnless } from '../support/unless.js';
import { runStep } from './script.js';
import { REVISION, savedImage } from './synthetic-image.js';

const TAG = `pr-${process.pid}`;
const LOADED = `hello-world-scripts-spec:${process.pid}`;

let folder: string;
let digest: string;

async function pack(text: string, labels?: Record<string, string>): Promise<{ out: string; digest: string }> {
  const out = mkdtempSync(join(folder, 'out-'));
  const { code, stdout, stderr } = await runStep('oci.ts', [
    'pack',
    'hello-world',
    TAG,
    savedImage(out, text, labels),
    out,
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return { out, digest: stdout.trim() };
}

/** Changes image.json. */
function describeAs(out: string, change: Record<string, string>): void {
  const file = join(out, 'image.json');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...change }));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'scripts-image-'));
  ({ digest } = await pack('hello'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the archive of an image', () => {
  it('has the digest of its manifest, is described beside it, and is the same when it is packed again', async () => {
    const { out, digest: again } = await pack('hello');

    const archive = readFileSync(join(out, 'image.tar'));
    expect(again).toBe(digest);
    expect(readArchive(archive).digest).toBe(digest);
    expect(JSON.parse(readFileSync(join(out, 'image.json'), 'utf8'))).toEqual({
      name: 'hello-world',
      tag: TAG,
      digest,
      revision: REVISION,
      version: '1.2.3',
    });
    expect(await runStep('oci.ts', ['check', out])).toMatchObject({ code: 0, stdout: `${digest}\n` });
  });

  it('has its layers compressed, whose contents are those that were built', async () => {
    const { out } = await pack('hello '.repeat(10_000));

    const { manifest } = readArchive(readFileSync(join(out, 'image.tar')));

    expect(manifest.toString()).toContain('layer.v1.tar+gzip');
    expect(readFileSync(join(out, 'image.tar')).length).toBeLessThan(20_000);
  });

  it('is refused when a byte of a layer has changed', async () => {
    const { out } = await pack('hello');
    const file = join(out, 'image.tar');
    const archive = readFileSync(file);
    const layer = archive.indexOf(Buffer.from([0x1f, 0x8b, 0x08]));
    archive[layer + 20] = (archive[layer + 20] ?? 0) ^ 1;
    writeFileSync(file, archive);

    const { code, stderr } = await runStep('oci.ts', ['check', out]);

    expect(code).toBe(1);
    expect(stderr).toMatch(
      /image\.tar is not the archive of an image: sha256:\w+ has another content than its name says/,
    );
  });

  it('is refused when it is another build than the one that it comes with', async () => {
    const { out } = await pack('hello');
    const other = await pack('something else');
    writeFileSync(join(out, 'image.tar'), readFileSync(join(other.out, 'image.tar')));

    const { code, stderr } = await runStep('load-image.sh', [], { env: { OUT: out } });

    expect(code).not.toBe(0);
    expect(stderr).toContain(`image.tar has ${other.digest}, image.json ${digest}: they are not of one build`);
  });

  it.each([
    ['a tag with a command in it', { tag: 'pr-1; touch /tmp/x' }],
    ['a digest that is none', { digest: 'sha256:1' }],
    ['a revision that its labels do not have', { revision: 'f'.repeat(40) }],
  ])('is refused when image.json has %s', async (_what, change) => {
    const { out } = await pack('hello');
    describeAs(out, change);

    const { code, stderr } = await runStep('oci.ts', ['check', out]);

    expect(code).toBe(1);
    expect(stderr).toMatch(/^oci check: .+\n$/);
  });

  it('is refused when it is missing, with what makes it', async () => {
    const { code, stderr } = await runStep('load-image.sh', [], { env: { OUT: join(folder, 'nothing') } });

    expect(code).not.toBe(0);
    expect(stderr).toContain('scripts/ci/image.sh makes them');
  });

  itUnless(whyNoEngine())('is in the engine by the same digest as it is in the archive', async () => {
    const { out } = await pack('hello');

    const loaded = await runStep('load-image.sh', [LOADED], { env: { OUT: out } });
    const id = (await docker(['image', 'inspect', '--format={{.Id}}', LOADED])).trim();
    await docker(['rmi', LOADED, `hello-world:${TAG}`]);

    expect(loaded).toMatchObject({ code: 0, stderr: '' });
    expect(loaded.stdout).toContain(`hello-world:${TAG} and ${LOADED} are ${digest}`);
    expect([digest, readArchive(readFileSync(join(out, 'image.tar'))).id]).toContain(id);
  });
});

describe('image.sh', () => {
  it.each(['', 'a tag', '-rf', '../x'])('refuses the tag "%s" before it builds', async (tag) => {
    const { code, stderr } = await runStep('image.sh', [tag]);

    expect(code).toBe(1);
    expect(stderr).toContain(`'${tag}' is no tag`);
  });
});
