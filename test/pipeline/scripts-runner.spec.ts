import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Desk } from './desk.js';
import { type Ended, runStep } from './script.js';
import { savedImage } from './synthetic-image.js';

let desk: Desk;

beforeEach(() => {
  desk = new Desk();
});

afterEach(() => desk.leave());

describe('scripts/ci/verdict.sh', () => {
  const verdict = (needs: Readonly<Record<string, string>>, maySkip = ''): Promise<Ended> =>
    desk.step('verdict.sh', [], {
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
    expect(desk.written('summary')).toContain('skipped: code-scanning');
  });

  it('a job that may be skipped failed: it is not', async () => {
    const ended = await verdict({ gates: 'success', 'code-scanning': 'failure' }, 'code-scanning');

    expect(ended.code).toBe(1);
  });

  it.each(['', 'null', 'no json'])('it is told nothing (%j): it is not', async (needs) => {
    const ended = await desk.step('verdict.sh', [], { NEEDS: needs });

    expect(ended.code).not.toBe(0);
    expect(ended.stderr).toContain('NEEDS');
  });
});

describe('scripts/ci/expect-digest.sh', () => {
  const pack = async (text: string): Promise<string> => {
    const out = join(desk.folder, 'out');
    mkdirSync(out, { recursive: true });
    return (await runStep('oci.ts', ['pack', 'hello-world', 'pr-1', savedImage(desk.folder, text), out])).stdout.trim();
  };
  const expectDigest = (digest: string): Promise<Ended> =>
    desk.step('expect-digest.sh', [digest], { OUT: join(desk.folder, 'out') });

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
    desk.plant('aws', AWS);
    desk.plant('docker', `echo "$*" >'${desk.folder}/arguments'; cat >'${desk.folder}/password'`);

    const ended = await desk.step('ecr-login.sh', [], SETTINGS);

    expect(ended.code).toBe(0);
    expect(desk.written('arguments')).toBe(
      'login --username AWS --password-stdin 123456789012.dkr.ecr.eu-west-1.amazonaws.com\n',
    );
    expect(desk.written('password')).toBe('s3cret\n');
    expect(desk.written('output')).toContain(
      'repository=123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/hello-world\n',
    );
    expect(ended.stdout + ended.stderr).not.toContain('s3cret');
  });

  it('knows the domain of China', async () => {
    desk.plant('aws', AWS);
    desk.plant('docker', 'cat >/dev/null');

    await desk.step('ecr-login.sh', [], { ...SETTINGS, AWS_REGION: 'cn-northwest-1' });

    expect(desk.written('output')).toContain('registry=123456789012.dkr.ecr.cn-northwest-1.amazonaws.com.cn\n');
  });

  it.each(['AWS_REGION', 'ECR_REPOSITORY'])('%s is missing: it says so', async (key) => {
    const ended = await desk.step('ecr-login.sh', [], { ...SETTINGS, [key]: '' });

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`${key} is not set`);
  });

  it('there is nobody that AWS knows: it says what is missing', async () => {
    desk.plant('aws', 'echo "Unable to locate credentials" >&2; exit 253');
    desk.plant('docker', 'exit 1');

    const ended = await desk.step('ecr-login.sh', [], SETTINGS);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('AWS_ROLE_ARN');
  });

  it('the registry lets nobody in: it says which right is missing', async () => {
    desk.plant('aws', AWS);
    desk.plant('docker', 'exit 1');

    const ended = await desk.step('ecr-login.sh', [], SETTINGS);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('ecr:GetAuthorizationToken');
  });
});

describe('scripts/ci/apply.sh', () => {
  const KUBE_CONFIG_B64 = Buffer.from('apiVersion: v1').toString('base64');
  const cluster = (answers: Readonly<Record<string, string>>): void =>
    desk.plant(
      'kubectl',
      `echo "$*" >>'${desk.folder}/asked'\ncase "$1" in ${Object.entries(answers)
        .map(([verb, answer]) => `${verb}) ${answer} ;;`)
        .join(' ')} esac`,
    );

  it('applies what renders, asks Flux to look, and keeps the credentials to a file of its own that goes', async () => {
    desk.plant('kustomize', 'echo "kind: Namespace"');
    cluster({
      version: `test -z "$KUBE_CONFIG_B64" && cat "$KUBECONFIG" >'${desk.folder}/config' && echo "$KUBECONFIG" >'${desk.folder}/where'`,
    });

    const ended = await desk.step('apply.sh', ['non-prod'], { KUBE_CONFIG_B64 });

    expect(ended.code).toBe(0);
    expect(desk.written('config')).toBe('apiVersion: v1');
    expect(existsSync(desk.written('where').trim())).toBe(false);
    expect(desk.written('asked')).toMatch(
      /^version .*\nget crd .*\napply --server-side .*\n.*annotate .*gitrepository\/hello-world-non-prod/,
    );
  });

  it.each([
    ['no credentials', {}, {}, 'applying non-prod: KUBE_CONFIG_B64 is not set'],
    ['no Flux', { KUBE_CONFIG_B64 }, { get: 'exit 1' }, 'the cluster has no Flux'],
  ])('%s: it is skipped', async (_, env, answers, why) => {
    desk.plant('kustomize', 'echo "kind: Namespace"');
    cluster(answers);

    const ended = await desk.step('apply.sh', ['non-prod'], env);

    expect(ended.code).toBe(0);
    expect(desk.written('summary')).toContain(`skipped: ${why}`);
    expect(desk.written('asked')).not.toContain('apply');
  });

  it.each(['version', 'apply'])('a cluster that refuses %s fails it', async (verb) => {
    desk.plant('kustomize', 'echo "kind: Namespace"');
    cluster({ [verb]: 'exit 1' });

    expect((await desk.step('apply.sh', ['non-prod'], { KUBE_CONFIG_B64 })).code).toBe(1);
  });

  it.each([[[]], [['staging']], [['..']]])('%j is no environment', async (args) => {
    expect((await desk.step('apply.sh', args, { KUBE_CONFIG_B64 })).stderr).toContain('non-prod');
  });
});
