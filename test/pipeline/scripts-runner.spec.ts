import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Ended, ROOT, runStep } from './script.js';
import { savedImage } from './synthetic-image.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'step-'));
  mkdirSync(join(folder, 'bin'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program on the PATH, before all others. */
function plant(name: string, script: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/usr/bin/env bash\n${script}\n`);
  chmodSync(join(folder, 'bin', name), 0o755);
}

const step = (name: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Ended> =>
  runStep(name, args, {
    env: {
      PATH: `${join(folder, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`,
      GITHUB_OUTPUT: join(folder, 'output'),
      GITHUB_STEP_SUMMARY: join(folder, 'summary'),
      ...env,
    },
  });

const written = (file: string): string =>
  existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : '';

describe('scripts/ci/verdict.sh', () => {
  const verdict = (needs: Readonly<Record<string, string>>, maySkip = ''): Promise<Ended> =>
    step('verdict.sh', [], {
      NEEDS: JSON.stringify(
        Object.fromEntries(Object.entries(needs).map(([job, result]) => [job, { result, outputs: {} }])),
      ),
      MAY_SKIP: maySkip,
    });

  it('every job was well: it is', async () => {
    const ended = await verdict({ gates: 'success', 'code-scanning': 'success' });

    expect(ended).toMatchObject({ code: 0, stderr: '' });
  });

  it.each(['failure', 'cancelled', 'skipped'])('a job was %s: it is not, and names the job', async (result) => {
    const ended = await verdict({ gates: result, 'code-scanning': 'success' });

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('gates');
  });

  it('a job that may be skipped was: it is well, and says so in the summary', async () => {
    const ended = await verdict({ gates: 'success', 'code-scanning': 'skipped' }, 'code-scanning');

    expect(ended.code).toBe(0);
    expect(written('summary')).toContain('skipped: code-scanning');
  });

  it('a job that may be skipped failed: it is not', async () => {
    const ended = await verdict({ gates: 'success', 'code-scanning': 'failure' }, 'code-scanning');

    expect(ended.code).toBe(1);
  });

  it.each(['', 'null', 'no json'])('it is told nothing (%j): it is not', async (needs) => {
    const ended = await step('verdict.sh', [], { NEEDS: needs });

    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain('NEEDS');
  });
});

describe('scripts/ci/scope.sh', () => {
  const NON_PROD = 'deploy/flux/non-prod/release/hello-world-helmrelease.yaml';
  const event = (content: object): NodeJS.ProcessEnv => {
    writeFileSync(join(folder, 'event.json'), JSON.stringify(content));
    return { GITHUB_EVENT_PATH: join(folder, 'event.json'), GITHUB_REPOSITORY: 'acme/hello-world' };
  };
  const gh = (files: readonly string[]): void =>
    plant('gh', `echo "$*" >'${folder}/asked'; printf '%s\\n' ${files.join(' ')}`);

  it.each([
    ['only what non-prod runs', [NON_PROD], 'release', 'true'],
    [
      'what prod runs, and its chart',
      [NON_PROD.replace('non-', ''), 'deploy/flux/prod/release/chart.yaml'],
      'release',
      'true',
    ],
    ['that and a script', [NON_PROD, 'scripts/ci/push.sh'], 'all', 'true'],
    ['a script', ['scripts/ci/push.sh'], 'all', 'false'],
    ['another file beside it', [`${NON_PROD}.bak`], 'all', 'false'],
    ['a file that was named so', [NON_PROD, 'apps/main.ts'], 'all', 'true'],
  ])('%s', async (_, files, scope, releases) => {
    gh(files);

    const ended = await step('scope.sh', [], event({ pull_request: { number: 12 } }));

    expect(ended.code).toBe(0);
    expect(written('output')).toBe(`scope=${scope}\nreleases=${releases}\n`);
    expect(written('asked')).toContain('repos/acme/hello-world/pulls/12/files');
  });

  it('in the merge queue it asks for what the group changes', async () => {
    gh([NON_PROD]);

    await step('scope.sh', [], event({ merge_group: { base_sha: 'a'.repeat(40), head_sha: 'b'.repeat(40) } }));

    expect(written('output')).toContain('scope=release');
    expect(written('asked')).toContain(`compare/${'a'.repeat(40)}...${'b'.repeat(40)}`);
  });

  it.each([
    ['GitHub does not answer', 'exit 1', { pull_request: { number: 12 } }],
    ['GitHub names nothing', 'true', { pull_request: { number: 12 } }],
    [
      'so much has changed that GitHub does not tell all',
      `for each in $(seq 300); do echo ${NON_PROD}; done`,
      { pull_request: { number: 12 } },
    ],
    ['it is a push', 'exit 1', { ref: 'refs/heads/main' }],
  ])('%s: everything is to be looked at', async (_, script, content) => {
    plant('gh', script);

    await step('scope.sh', [], event(content));

    expect(written('output')).toBe('scope=all\nreleases=true\n');
  });
});

describe('scripts/ci/check-release.sh', () => {
  const DIGEST = `sha256:${'d'.repeat(64)}`;
  const SIGNED = `sha256:${'a'.repeat(64)}`;
  const check = (proposed: string): Promise<Ended> => {
    writeFileSync(join(folder, 'event.json'), JSON.stringify({ pull_request: { head: { sha: 'c'.repeat(40) } } }));
    plant('gh', `case "$*" in *non-prod*ref=${'c'.repeat(40)}) cat '${folder}/non-prod' ;; *) echo 'digest:' ;; esac`);
    writeFileSync(join(folder, 'non-prod'), proposed);
    // One that knows a single image.
    plant('cosign', `case "$*" in *${SIGNED}*) exit 0 ;; *) echo 'no signatures found' >&2; exit 1 ;; esac`);
    return step('check-release.sh', [], {
      GITHUB_EVENT_PATH: join(folder, 'event.json'),
      GITHUB_REPOSITORY: 'acme/hello-world',
      REPOSITORY: 'localhost:5000/hello-world',
    });
  };

  it('a digest that main has signed passes, and so does none', async () => {
    expect(await check(`      digest: ${SIGNED}\n`)).toMatchObject({ code: 0 });
    expect((await check('      digest:\n')).stdout).toContain('non-prod: names nothing to run');
  });

  it.each([
    ['another', `      digest: ${DIGEST}\n`],
    ['one more, hidden in a comment', `      digest: ${SIGNED} # ${DIGEST}\n`],
  ])('%s does not', async (_, proposed) => {
    const ended = await check(proposed);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`non-prod is to run ${DIGEST}, which main has not signed`);
  });

  it('without a registry it is skipped', async () => {
    const ended = await step('check-release.sh');

    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stdout).toMatch(/^skipped: REPOSITORY is not set/m);
  });
});

describe('scripts/ci/expect-digest.sh', () => {
  const pack = async (text: string): Promise<string> => {
    const out = join(folder, 'out');
    mkdirSync(out, { recursive: true });
    return (await runStep('oci.ts', ['pack', 'hello-world', 'pr-1', savedImage(folder, text), out])).stdout.trim();
  };
  const expectDigest = (digest: string): Promise<Ended> =>
    step('expect-digest.sh', [digest], { OUT: join(folder, 'out') });

  it('the image that was built passes', async () => {
    const digest = await pack('built');

    expect(await expectDigest(digest)).toMatchObject({ code: 0, stderr: '' });
  });

  it('an image that another job has put in its place does not, though it is whole', async () => {
    const digest = await pack('built');
    await pack('replaced');

    const ended = await expectDigest(digest);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('another job has replaced it');
  });

  it.each(['', 'latest'])('%j is no digest', async (digest) => {
    expect((await expectDigest(digest)).code).toBe(1);
  });
});

describe('scripts/ci/ecr-login.sh', () => {
  const SETTINGS = { AWS_REGION: 'eu-west-1', ECR_REPOSITORY: 'team/hello-world' };
  const AWS = 'case "$*" in *get-caller-identity*) echo 123456789012 ;; *get-login-password*) echo s3cret ;; esac';

  it('logs in with a password that is in no argument, and says where the repository is', async () => {
    plant('aws', AWS);
    plant('docker', `echo "$*" >'${folder}/arguments'; cat >'${folder}/password'`);

    const ended = await step('ecr-login.sh', [], SETTINGS);

    expect(ended.code).toBe(0);
    expect(written('arguments')).toBe(
      'login --username AWS --password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com\n',
    );
    expect(written('password')).toBe('s3cret\n');
    expect(written('output')).toContain('repository=123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/hello-world\n');
    expect(ended.stdout + ended.stderr).not.toContain('s3cret');
  });

  it.each(['AWS_REGION', 'ECR_REPOSITORY'])('%s is missing: it says so', async (key) => {
    const ended = await step('ecr-login.sh', [], { ...SETTINGS, [key]: '' });

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`${key} is not set`);
  });

  it('there is nobody that AWS knows: it says what is missing', async () => {
    plant('aws', 'echo "Unable to locate credentials" >&2; exit 253');
    plant('docker', 'exit 1');

    const ended = await step('ecr-login.sh', [], SETTINGS);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('AWS_ROLE_ARN');
  });

  it('the registry lets nobody in: it says which right is missing', async () => {
    plant('aws', AWS);
    plant('docker', 'exit 1');

    const ended = await step('ecr-login.sh', [], SETTINGS);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('ecr:GetAuthorizationToken');
  });
});

describe('scripts/ci/rescan.sh', () => {
  it('without a registry, or without Trivy, it is skipped', async () => {
    const noRegistry = await step('rescan.sh');
    const noTrivy = await step('rescan.sh', [], { REPOSITORY: 'localhost:5000/hello-world' });

    expect([noRegistry.code, noTrivy.code]).toEqual([0, 0]);
    expect(noRegistry.stdout).toMatch(/^skipped: REPOSITORY is not set/m);
    expect(noTrivy.stdout).toMatch(/^skipped: there is no trivy/m);
  });

  it('an environment in which nothing is deployed is told', async () => {
    plant('trivy', 'exit 1');

    const ended = await step('rescan.sh', [], { REPOSITORY: 'localhost:5000/hello-world' });

    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/^skipped: non-prod: nothing is deployed/m);
  });
});

describe('scripts/ci/preview.sh', () => {
  const DIGEST = `sha256:${'d'.repeat(64)}`;

  it.each([[[]], [['show', '12']], [['remove']], [['expire', '12']]])('%j is not understood', async (args) => {
    const ended = await step('preview.sh', args, { GH_TOKEN: 'a-token' });

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('usage:');
  });

  it('without a token it is skipped, in the summary too', async () => {
    const ended = await step('preview.sh', ['show', '12', DIGEST]);

    expect(ended.code).toBe(0);
    expect(written('summary')).toContain('skipped: GH_TOKEN is not set');
  });

  it('a repository that has not said where previews live has none', async () => {
    plant(
      'kustomize',
      'echo "fieldPath \\`data.domain\\` is missing for replacement source ConfigMap/identity-previews" >&2; exit 1',
    );

    const ended = await step('preview.sh', ['show', '12', DIGEST], { GH_TOKEN: 'a-token' });

    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/^skipped: no previews here: .*data\.domain/m);
    expect(ended.stdout + ended.stderr).not.toContain('a-token');
  });

  it('anything else that is wrong fails', async () => {
    const ended = await step('preview.sh', ['remove', 'twelve'], { GH_TOKEN: 'a-token' });

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('the pull request is "twelve"');
  });
});

describe('scripts/ci/apply.sh', () => {
  const KUBE_CONFIG_B64 = Buffer.from('apiVersion: v1').toString('base64');
  const cluster = (answers: Readonly<Record<string, string>>): void =>
    plant(
      'kubectl',
      `echo "$*" >>'${folder}/asked'\ncase "$1" in ${Object.entries(answers)
        .map(([verb, answer]) => `${verb}) ${answer} ;;`)
        .join(' ')} esac`,
    );

  it('applies what renders, asks Flux to look, and keeps the credentials to a file of its own that goes', async () => {
    plant('kustomize', 'echo "kind: Namespace"');
    cluster({
      version: `test -z "$KUBE_CONFIG_B64" && cat "$KUBECONFIG" >'${folder}/config' && echo "$KUBECONFIG" >'${folder}/where'`,
    });

    const ended = await step('apply.sh', ['non-prod'], { KUBE_CONFIG_B64 });

    expect(ended.code).toBe(0);
    expect(written('config')).toBe('apiVersion: v1');
    expect(existsSync(written('where').trim())).toBe(false);
    expect(written('asked')).toMatch(
      /^version .*\nget crd .*\napply --server-side .*\n.*annotate .*gitrepository\/hello-world-non-prod/,
    );
  });

  it.each([
    ['no credentials', {}, {}, 'applying non-prod: KUBE_CONFIG_B64 is not set'],
    ['no Flux', { KUBE_CONFIG_B64 }, { get: 'exit 1' }, 'the cluster has no Flux'],
  ])('%s: it is skipped', async (_, env, answers, why) => {
    plant('kustomize', 'echo "kind: Namespace"');
    cluster(answers);

    const ended = await step('apply.sh', ['non-prod'], env);

    expect(ended.code).toBe(0);
    expect(written('summary')).toContain(`skipped: ${why}`);
    expect(written('asked')).not.toContain('apply');
  });

  it.each(['version', 'apply'])('a cluster that refuses %s fails it', async (verb) => {
    plant('kustomize', 'echo "kind: Namespace"');
    cluster({ [verb]: 'exit 1' });

    expect((await step('apply.sh', ['non-prod'], { KUBE_CONFIG_B64 })).code).toBe(1);
  });

  it.each([[[]], [['staging']], [['..']]])('%j is no environment', async (args) => {
    expect((await step('apply.sh', args, { KUBE_CONFIG_B64 })).stderr).toContain('non-prod');
  });
});

describe('scripts/ci/refresh-tools.ts', () => {
  it('writes the newest versions into the file that has the tool, and leaves what is held', async () => {
    const outdated = (name: string, requested: string, bump: string | null, file: string) => [
      name,
      { name, requested, bump, source: { path: join(folder, file) } },
    ];
    const said = Object.fromEntries([
      outdated('pipx:one', '1.0.0', '1.1.0', 'mise.toml'),
      outdated('pipx:two', '2.0.0', null, 'mise.toml'),
      outdated('aqua:three', '3.0.0', '4.0.0', 'mise.ci.toml'),
      outdated('go:github.com/prometheus/alertmanager/cmd/alertmanager', '0.31.1', '0.34.2', 'mise.toml'),
    ]);
    writeFileSync(join(folder, 'said.json'), JSON.stringify(said));
    plant('mise', `cat '${folder}/said.json'`);
    const main = join(folder, 'mise.toml');
    const ci = join(folder, 'mise.ci.toml');
    const alertmanager = '"go:github.com/prometheus/alertmanager/cmd/alertmanager" = "0.31.1"\n';
    writeFileSync(main, `# why\n"pipx:one" = "1.0.0"\n"pipx:two" = "2.0.0"\n${alertmanager}`);
    writeFileSync(ci, '"aqua:three" = "3.0.0"\n');

    const ended = await step('refresh-tools.ts', [main, ci]);

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(readFileSync(main, 'utf8')).toBe(`# why\n"pipx:one" = "1.1.0"\n"pipx:two" = "2.0.0"\n${alertmanager}`);
    expect(readFileSync(ci, 'utf8')).toBe('"aqua:three" = "4.0.0"\n');
  });
});

describe('tools of runners', () => {
  it('what the workflows install is in mise.toml or in mise.ci.toml', () => {
    const read = (files: readonly string[]): string =>
      files.map((file) => readFileSync(join(ROOT, file), 'utf8')).join('\n');
    const known = new Set(
      [...read(['mise.toml', 'mise.ci.toml']).matchAll(/^"([^"]+)" = "\d/gm)].map(([, name]) => name),
    );
    const workflows = ['ci', 'gates', 'rescan', 'kubernetes'].map((name) => `.github/workflows/${name}.yml`);
    const asked = [...read(workflows).matchAll(/\b(?:go|pipx|aqua):[\w./-]+/g)].map(([name]) => name);

    expect(asked.filter((name) => !known.has(name))).toEqual([]);
    expect(asked.length).toBeGreaterThan(20);
  });
});
