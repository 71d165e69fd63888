import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';
import { GitRemote } from './git-remote.js';
import { digestInRegistry, REGISTRY, whyNoRegistry } from './local-registry.js';
import { type Ended, ROOT, run, runStep } from './script.js';
import { savedImage, writeSboms } from './synthetic-image.js';

jest.setTimeout(120_000);

const PASSWORD = 'of this test';

let folder: string;

/** A key pair as cosign makes it, as the steps take it. */
function keys(name: string): { sign: NodeJS.ProcessEnv; verify: NodeJS.ProcessEnv } {
  const at = join(folder, name);
  mkdirSync(at);
  const env = { ...process.env, COSIGN_PASSWORD: PASSWORD };
  execFileSync('cosign', ['generate-key-pair'], { cwd: at, env, stdio: 'ignore' });
  return {
    sign: { COSIGN_KEY: join(at, 'cosign.key'), COSIGN_PASSWORD: PASSWORD },
    verify: { COSIGN_PUBLIC_KEY: join(at, 'cosign.pub') },
  };
}

/** A build of its own, with its SBOMs. */
async function build(
  text: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<{ out: string; digest: string; name: string; repository: string }> {
  const out = mkdtempSync(join(folder, 'out-'));
  const { stdout } = await runStep('oci.ts', ['pack', 'hello-world', 'pr-1', savedImage(out, text, labels), out]);
  writeSboms(out, stdout.trim());
  const name = `scripts-signing-${process.pid}/${text.replaceAll(/\W/g, '-')}`;
  return { out, digest: stdout.trim(), name, repository: `${REGISTRY}/${name}` };
}

function passed(ended: Ended): void {
  expect(ended).toMatchObject({ code: 0, stderr: '' });
}

function refused(ended: Ended, why: RegExp): void {
  expect(ended.code).not.toBe(0);
  expect(ended.stderr).toMatch(why);
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scripts-signing-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describeUnless(whyNoTool('cosign'))('the gate before a push', () => {
  it('is closed for an archive that nobody signed', async () => {
    const { out, repository } = await build('unsigned');

    const push = await runStep('push.sh', [repository, 'pr-1'], { env: { OUT: out } });

    refused(push, /closed: .*image\.tar is not signed, scripts\/ci\/sign\.sh does it/);
  });

  it('is open for one that the key has signed, and closed for another key', async () => {
    const { out } = await build('signed');
    const [ours, theirs] = [keys('ours'), keys('theirs')];

    passed(await runStep('sign.sh', [], { env: { OUT: out, ...ours.sign } }));

    passed(await runStep('gate-signed.sh', [], { env: { OUT: out, ...ours.verify } }));
    const wrongKey = await runStep('gate-signed.sh', [], { env: { OUT: out, ...theirs.verify } });
    refused(wrongKey, /closed: .*image\.tar is not what the key .*theirs\/cosign\.pub has signed/);
  });

  it('is closed for an archive that took the place of the signed one, with a description that fits', async () => {
    const signed = await build('what was signed');
    const other = await build('what came instead');
    const key = keys('replaced');
    passed(await runStep('sign.sh', [], { env: { OUT: signed.out, ...key.sign } }));
    for (const file of ['image.tar', 'image.json']) cpSync(join(other.out, file), join(signed.out, file));

    const gate = await runStep('gate-signed.sh', [], { env: { OUT: signed.out, ...key.verify } });

    refused(gate, /closed: .*image\.tar is not what the key .* has signed/);
  });

  it('takes a key of one run for what it is: named as such, not kept, and not taken for anybody', async () => {
    const { out } = await build('ephemeral');

    const sign = await runStep('sign.sh', ['--ephemeral'], { env: { OUT: out } });
    const gate = await runStep('gate-signed.sh', [], {
      env: { OUT: out, COSIGN_PUBLIC_KEY: join(out, 'ephemeral.pub') },
    });
    const asMain = await runStep('gate-signed.sh', [], { env: { OUT: out, GITHUB_REPOSITORY: 'acme/hello-world' } });

    passed(sign);
    expect(sign.stdout).toContain('it shows that the gate works, not who signed');
    expect(existsSync(join(out, 'cosign.key'))).toBe(false);
    passed(gate);
    refused(
      asMain,
      /is not what https:\/\/github\.com\/acme\/hello-world\/\.github\/workflows\/ci\.yml@refs\/heads\/main has signed/,
    );
  });

  it('says what to sign with, and whom to ask for, where there is neither', async () => {
    const { out } = await build('nothing to sign with');

    refused(
      await runStep('sign.sh', [], { env: { OUT: out } }),
      /set COSIGN_KEY, give the job id-token: write, or say --ephemeral/,
    );

    passed(await runStep('sign.sh', ['--ephemeral'], { env: { OUT: out } }));
    refused(await runStep('gate-signed.sh', [], { env: { OUT: out } }), /who may have signed is not known/);
  });
});

describeUnless(whyNoTool('cosign') ?? whyNoRegistry())('an image on its way into a registry', () => {
  it('has the digest of its archive there, and a tag only once it is signed and attested there', async () => {
    const { out, digest, name, repository } = await build('pushed');
    const key = keys('pushed');
    const env = { OUT: out, ...key.sign, ...key.verify };
    const reference = `${repository}@${digest}`;
    passed(await runStep('sign.sh', [], { env }));

    const early = await runStep('push.sh', [repository, 'sha-1'], { env });
    refused(early, /is not signed by the key/);
    expect(await digestInRegistry(name, digest)).toBe(digest);
    expect(await digestInRegistry(name, 'sha-1')).toBeUndefined();

    passed(await runStep('sign.sh', [reference], { env }));
    passed(await runStep('verify.sh', [reference], { env }));
    const push = await runStep('push.sh', [repository, 'sha-1', 'latest'], { env });
    passed(push);
    expect(push.stdout).toContain('push: tagged: sha-1, latest');
    expect([await digestInRegistry(name, 'sha-1'), await digestInRegistry(name, 'latest')]).toEqual([digest, digest]);

    const again = await runStep('push.sh', [repository, 'sha-1', 'latest'], { env });
    expect(again.stdout).toContain('push: tagged: sha-1 already, latest already');
  });

  it('is refused for a wrong key, when something is not attested, and under the digest of another', async () => {
    const { out, digest, repository } = await build('refused');
    const [ours, theirs] = [keys('ours-in-registry'), keys('theirs-in-registry')];
    const env = { OUT: out, ...ours.sign, ...ours.verify };
    const reference = `${repository}@${digest}`;
    passed(await runStep('sign.sh', [], { env }));
    passed(await runStep('push.sh', [repository], { env }));
    const flags = ['--key', join(folder, 'ours-in-registry/cosign.key'), '--signing-config', join(out, 'none.json')];
    const cosign = { env: { ...process.env, COSIGN_PASSWORD: PASSWORD }, stdio: 'ignore' } as const;
    execFileSync('cosign', ['signing-config', 'create', '--out', join(out, 'none.json')], cosign);
    execFileSync('cosign', ['sign', '--yes', ...flags, reference], cosign);

    refused(await runStep('verify.sh', [reference], { env }), /has no sbom\.spdx\.json attested by the key/);

    passed(await runStep('sign.sh', [reference], { env }));
    passed(await runStep('gate-signed.sh', [reference], { env }));
    refused(await runStep('gate-signed.sh', [reference], { env: { OUT: out, ...theirs.verify } }), /closed for/);
    refused(await runStep('verify.sh', [`${repository}@sha256:${'0'.repeat(64)}`], { env }), /is not signed by/);
    refused(await runStep('verify.sh', [`${repository}:latest`], { env }), /is not a reference by digest/);
  });

  it.each(['spdx', 'cdx'])(
    'is refused with the %s SBOM of another image, when it is signed and when verified',
    async (format) => {
      const { out, digest, repository } = await build(`bill ${format}`);
      const other = await build(`other bill ${format}`);
      const key = keys(`bill-${format}`);
      const env = { OUT: out, ...key.sign, ...key.verify };
      const reference = `${repository}@${digest}`;
      const sbom = join(out, `sbom.${format}.json`);
      passed(await runStep('sign.sh', [], { env }));
      passed(await runStep('push.sh', [repository], { env }));
      passed(await runStep('sign.sh', [reference], { env }));
      passed(await runStep('verify.sh', [reference], { env }));
      cpSync(join(other.out, `sbom.${format}.json`), sbom);

      const sign = await runStep('sign.sh', [reference], { env });
      const none = join(out, 'none.json');
      const cosign = { env: { ...process.env, ...key.sign }, stdio: 'ignore' } as const;
      execFileSync('cosign', ['signing-config', 'create', '--out', none], cosign);
      const flags = ['--yes', '--key', key.sign['COSIGN_KEY']!, '--signing-config', none, '--predicate', sbom];
      const type = format === 'spdx' ? 'spdxjson' : 'cyclonedx';
      execFileSync('cosign', ['attest', ...flags, '--type', type, reference], cosign);
      const verify = await runStep('verify.sh', [reference], { env });

      refused(sign, new RegExp(`is about ${other.digest}, not about ${digest}`));
      refused(verify, new RegExp(`has a sbom\\.${format}\\.json attested that is not its own`));
      refused(verify, new RegExp(`is about ${other.digest}, not about ${digest}`));
    },
  );

  it('keeps a tag that names one image for ever, while latest follows', async () => {
    const [first, second] = [await build('one'), await build('two')];
    const { repository } = first;
    for (const { out } of [first, second]) passed(await runStep('oci.ts', ['push', out, repository]));

    passed(await runStep('oci.ts', ['tag', repository, first.digest, 'sha-1', 'latest']));
    passed(await runStep('oci.ts', ['tag', repository, second.digest, 'latest']));
    const moved = await runStep('oci.ts', ['tag', repository, second.digest, 'sha-1']);

    refused(moved, new RegExp(`sha-1 is ${first.digest} already, and such a tag never moves`));
    expect(await digestInRegistry(first.name, 'sha-1')).toBe(first.digest);
    expect(await digestInRegistry(first.name, 'latest')).toBe(second.digest);
  });

  it('leaves latest with a newer commit when its run took longer', async () => {
    const repository = new GitRemote(folder, ['scripts/ci', 'package.json']);
    symlinkSync(join(ROOT, 'node_modules'), join(repository.checkout, 'node_modules'));
    const key = keys('latest');
    const commits = ['older', 'newer'].map((text) => repository.commit('a.txt', text, text));
    const builds = await Promise.all(
      commits.map(async (commit) => build(`of ${commit}`, { 'org.opencontainers.image.revision': commit })),
    );
    const [older, newer] = builds;
    const registry = older!.repository;
    const push = async (of: number): Promise<Ended> => {
      const { out, digest } = builds[of]!;
      const env = { OUT: out, ...key.sign, ...key.verify };
      const step = async (name: string, ...args: string[]): Promise<Ended> =>
        run(join(repository.checkout, 'scripts/ci', name), args, { cwd: repository.checkout, env });
      passed(await step('sign.sh'));
      passed(await step('push.sh', registry));
      passed(await step('sign.sh', `${registry}@${digest}`));
      return step('push.sh', registry, `sha-${commits[of]}`, 'latest');
    };

    const first = await push(1);
    const late = await push(0);

    passed(first);
    passed(late);
    expect(late.stdout).toContain('skipped: latest: it is of a newer commit');
    expect(await digestInRegistry(older!.name, `sha-${commits[0]}`)).toBe(older!.digest);
    expect(await digestInRegistry(older!.name, 'latest')).toBe(newer!.digest);
  });

  it('is refused where no registry is named or answers, with its reason', async () => {
    const { out } = await build('nowhere');

    refused(await runStep('oci.ts', ['push', out, 'hello-world']), /names no registry: REGISTRY\/NAME/);
    refused(
      await runStep('oci.ts', ['push', out, 'localhost:1/hello-world']),
      /localhost:1 does not answer: ECONNREFUSED|bad port/,
    );
  });
});
