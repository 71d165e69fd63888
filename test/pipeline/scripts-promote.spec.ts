import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { digestOf, MANIFEST_TYPE } from '../../scripts/ci/oci/archive.js';
import { Repository } from '../../scripts/ci/oci/registry.js';
import { writeTar } from '../../scripts/ci/oci/tar.js';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';
import { GitRemote } from './git-remote.js';
import { digestInRegistry, REGISTRY, whyNoRegistry } from './local-registry.js';
import { type Ended, ROOT, run, runStep } from './script.js';
import { savedImage, writeSboms } from './synthetic-image.js';

jest.setTimeout(240_000);

const NAME = `scripts-promote-${process.pid}`;
const REPOSITORY = `${REGISTRY}/${NAME}/hello-world`;
const CHART = `${NAME}/charts/hello-world`;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scripts-promote-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('promote.sh', () => {
  it.each(['', 'v1.2.3', 'release/1.2', 'release/1.2.3-rc.1', 'release/01.2.3', 'release/1.2.3;x'])(
    'refuses the tag "%s"',
    async (tag) => {
      const { code, stderr } = await runStep('promote.sh', [tag], { env: { REPOSITORY: 'localhost:5000/x' } });

      expect(code).toBe(1);
      expect(stderr).toContain(`'${tag}' is no such tag`);
    },
  );

  it('is skipped where there is no registry', async () => {
    const ended = await runStep('promote.sh', ['release/1.2.3']);

    expect(ended).toEqual({
      code: 0,
      stderr: '',
      stdout: 'skipped: REPOSITORY is not set: there is no registry to promote in\n',
    });
  });
});

const whyNot = whyNoTool('cosign') ?? whyNoTool('helm') ?? whyNoRegistry();

/** A chart as somebody could push it who may push. */
async function pushChart(name: string, version: string, layers: readonly Buffer[]): Promise<void> {
  const config = Buffer.from('{}');
  const described = layers.map((layer) => ({
    mediaType: 'application/vnd.cncf.helm.chart.content.v1.tar+gzip',
    digest: digestOf(layer),
    size: layer.length,
  }));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: digestOf(config), size: config.length },
      layers: described,
    }),
  );
  const blobs = new Map([config, ...layers].map((blob) => [digestOf(blob), blob]));
  const repository = new Repository(`${REGISTRY}/${name}`);
  const image = { digest: digestOf(manifest), manifest, id: digestOf(config), blobs, labels: {} };
  await repository.tag(await repository.push(image), version);
}

describeUnless(whyNot)('a release of a repository with one commit that main has built', () => {
  let repository: GitRemote;
  let commit: string;
  let digest: string;
  let keys: NodeJS.ProcessEnv;
  const out = () => join(repository.checkout, 'out');
  const here = () => ({ cwd: repository.checkout, env: { ...keys, OUT: out(), REPOSITORY } });

  const step = async (name: string, ...args: string[]): Promise<Ended> =>
    run(join(repository.checkout, 'scripts/ci', name), args, here());

  const succeed = async (name: string, ...args: string[]): Promise<string> => {
    const ended = await step(name, ...args);
    expect(ended).toMatchObject({ code: 0 });
    return ended.stdout;
  };

  beforeAll(async () => {
    repository = new GitRemote(folder, [
      'scripts/ci',
      'deploy/helm/hello-world',
      'CHANGELOG.md',
      'package.json',
      '.gitignore',
    ]);
    symlinkSync(join(ROOT, 'node_modules'), join(repository.checkout, 'node_modules'));
    commit = repository.git('rev-parse', 'HEAD');
    const password = { COSIGN_PASSWORD: 'of this test' };
    execFileSync('cosign', ['generate-key-pair'], {
      cwd: folder,
      env: { ...process.env, ...password },
      stdio: 'ignore',
    });
    keys = { ...password, COSIGN_KEY: join(folder, 'cosign.key'), COSIGN_PUBLIC_KEY: join(folder, 'cosign.pub') };

    // What the pipeline of main does with the commit.
    const saved = savedImage(folder, 'main', { 'org.opencontainers.image.revision': commit });
    mkdirSync(out());
    const packed = await runStep('oci.ts', ['pack', 'hello-world', `sha-${commit}`, saved, out()]);
    digest = packed.stdout.trim();
    writeSboms(out(), digest);
    await succeed('sign.sh');
    await succeed('push.sh', REPOSITORY);
    await succeed('sign.sh', `${REPOSITORY}@${digest}`);
    await succeed('push.sh', REPOSITORY, `sha-${commit}`);
    repository.git('tag', 'release/1.2.3');
  });

  it('has the digest that main has built, as X.Y.Z and latest, and a signed chart of the same version', async () => {
    const said = await succeed('promote.sh', 'release/1.2.3');

    expect(await digestInRegistry(`${NAME}/hello-world`, '1.2.3')).toBe(digest);
    expect(await digestInRegistry(`${NAME}/hello-world`, 'latest')).toBe(digest);
    const chart = await digestInRegistry(CHART, '1.2.3');
    expect(said).toContain(`1.2.3 is ${digest}, its chart ${chart}`);
    expect(said).toContain('skipped: no release on GitHub: GH_TOKEN is not set');
    await succeed('verify.sh', '--chart', `${REGISTRY}/${CHART}@${chart}`);
    const metadata = execFileSync(
      'helm',
      ['show', 'chart', `oci://${REGISTRY}/${CHART}`, '--version=1.2.3', '--plain-http'],
      {
        encoding: 'utf8',
        stdio: 'pipe',
      },
    );
    expect(metadata).toMatch(/^appVersion: 1\.2\.3$/m);
    const notes = readFileSync(join(out(), 'release-notes.md'), 'utf8');
    expect(notes).toContain('### Added');
    expect(notes).toContain(`${REPOSITORY}@${digest}`);
  });

  it('is the same when it is run again', async () => {
    const chart = await digestInRegistry(CHART, '1.2.3');

    const said = await succeed('promote.sh', 'release/1.2.3');

    expect(said).toContain('1.2.3 already, latest already');
    expect(said).toContain(`${REGISTRY}/${CHART} has 1.2.3 already`);
    expect(await digestInRegistry(CHART, '1.2.3')).toBe(chart);
  });

  it.each([
    ['with a layer more, that Helm would take', 'layer'],
    ['with a file twice, of which Helm would take both', 'file'],
  ])('is refused when its chart is there already %s', async (_, more) => {
    const version = more === 'layer' ? '1.1.7' : '1.1.8';
    repository.git('tag', `release/${version}`);
    const chart = join(folder, 'chart');
    mkdirSync(chart, { recursive: true });
    execFileSync(
      'helm',
      [
        'package',
        join(repository.checkout, 'deploy/helm/hello-world'),
        '--version',
        version,
        '--app-version',
        version,
        '--destination',
        chart,
      ],
      { stdio: 'ignore' },
    );
    const packed = join(chart, `hello-world-${version}.tgz`);
    const tar = gunzipSync(readFileSync(packed));
    const hidden = writeTar(new Map([['hello-world/values.yaml', Buffer.from('theirs: true\n')]])).subarray(0, 1024);
    const layers =
      more === 'layer' ? [readFileSync(packed), gzipSync(hidden)] : [gzipSync(Buffer.concat([hidden, tar]))];
    await pushChart(CHART, version, layers);

    const ended = await step('promote.sh', `release/${version}`);

    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain(`has another ${version}: a version is given once`);
    expect(await digestInRegistry(`${NAME}/hello-world`, version)).toBeUndefined();
  });

  it('leaves latest with a newer release', async () => {
    repository.git('tag', 'release/1.1.9');

    const said = await succeed('promote.sh', 'release/1.1.9');

    expect(said).toContain('release/1.2.3 is newer: latest stays with it');
    expect(await digestInRegistry(`${NAME}/hello-world`, '1.1.9')).toBe(digest);
  });

  it('leaves latest with a newer release that came while it ran', async () => {
    const bin = mkdtempSync(join(folder, 'bin-'));
    const asked = join(bin, 'asked');
    const gh = `#!/bin/sh\necho "$*" >>'${asked}'\nif [ "$1" = api ]; then echo release/1.4.0; fi\n`;
    writeFileSync(join(bin, 'gh'), gh, { mode: 0o755 });
    const env = {
      GH_TOKEN: 'of this test',
      GITHUB_REPOSITORY: 'acme/hello-world',
      PATH: `${bin}:${process.env['PATH']}`,
    };
    repository.git('tag', 'release/1.3.0');

    const { cwd, env: ours } = here();
    const script = join(repository.checkout, 'scripts/ci/promote.sh');
    const ended = await run(script, ['release/1.3.0'], { cwd, env: { ...ours, ...env } });

    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('release/1.4.0 is newer: latest stays with it');
    expect(await digestInRegistry(`${NAME}/hello-world`, '1.3.0')).toBe(digest);
    expect(readFileSync(asked, 'utf8')).toContain('repos/acme/hello-world/git/matching-refs/tags/release/');
  });

  it('is refused for a commit that was not built, for one beside main, and for a key that is not ours', async () => {
    repository.git('checkout', '--quiet', '-b', 'beside');
    repository.commit('x.txt', 'x', 'beside main');
    repository.git('tag', 'release/2.0.0');
    const unbuilt = await step('promote.sh', 'release/2.0.0');
    repository.git('checkout', '--quiet', commit);
    const beside = await step('promote.sh', 'release/2.0.0');
    const theirs = mkdtempSync(join(folder, 'theirs-'));
    execFileSync('cosign', ['generate-key-pair'], { cwd: theirs, env: { ...process.env, ...keys }, stdio: 'ignore' });
    cpSync(join(theirs, 'cosign.pub'), join(folder, 'theirs.pub'));
    keys = { ...keys, COSIGN_PUBLIC_KEY: join(folder, 'theirs.pub') };
    const wrongKey = await step('promote.sh', 'release/1.2.3');

    expect(unbuilt.stderr).toMatch(/has no sha-\w+: the pipeline of main has not built it, or not yet/);
    expect(beside.stderr).toMatch(/is not a commit of the branch that is checked out here/);
    expect(wrongKey.stderr).toMatch(/is not signed by the key .*theirs\.pub/);
    expect([unbuilt.code, beside.code, wrongKey.code]).not.toContain(0);
  });
});
