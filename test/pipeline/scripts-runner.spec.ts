import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { purlOf } from '../../scripts/ci/sbom/subject.js';
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

describe('scripts/ci/scope.sh', () => {
  const NON_PROD = 'deploy/flux/non-prod/release/hello-world-helmrelease.yaml';
  const [BASE, HEAD] = ['b'.repeat(40), 'c'.repeat(40)];
  const PULL_REQUEST = { pull_request: { base: { sha: BASE }, head: { sha: HEAD } } };
  const event = (content: object): NodeJS.ProcessEnv => {
    writeFileSync(join(desk.folder, 'event.json'), JSON.stringify(content));
    return { GITHUB_EVENT_PATH: join(desk.folder, 'event.json'), GITHUB_REPOSITORY: 'acme/hello-world' };
  };
  const named = (...files: readonly string[]) => files.map((filename) => ({ filename }));
  /** What GitHub says of these very commits; of nothing else it knows. */
  const gh = (files: readonly Readonly<Record<string, string>>[]): void => {
    writeFileSync(join(desk.folder, 'compared.json'), JSON.stringify({ files }));
    desk.plant('gh', `[[ $2 == */compare/${BASE}...${HEAD} ]] && jq -r "$4" '${desk.folder}/compared.json'`);
  };

  it.each([
    ['only what non-prod runs', named(NON_PROD), 'release', 'true'],
    [
      'what prod runs, and its chart',
      named(NON_PROD.replace('non-', ''), 'deploy/flux/prod/release/chart.yaml'),
      'release',
      'true',
    ],
    ['that and a script', named(NON_PROD, 'scripts/ci/push.sh'), 'all', 'true'],
    ['a script', named('scripts/ci/push.sh'), 'all', 'false'],
    ['another file beside it', named(`${NON_PROD}.bak`), 'all', 'false'],
    ['a file that was named so', [{ filename: 'apps/main.ts', previous_filename: NON_PROD }], 'all', 'true'],
  ])('%s', async (_, files, scope, releases) => {
    gh(files);

    const ended = await desk.step('scope.sh', [], event(PULL_REQUEST));

    expect(ended.code).toBe(0);
    expect(desk.written('output')).toBe(`scope=${scope}\nreleases=${releases}\n`);
  });

  it('in the merge queue it asks for what the group changes', async () => {
    gh(named(NON_PROD));

    await desk.step('scope.sh', [], event({ merge_group: { base_sha: BASE, head_sha: HEAD } }));

    expect(desk.written('output')).toContain('scope=release');
  });

  it.each([
    ['GitHub names nothing', [], PULL_REQUEST],
    ['so much has changed that GitHub does not tell all', named(...Array<string>(300).fill(NON_PROD)), PULL_REQUEST],
    [
      'GitHub does not know the commits',
      named(NON_PROD),
      { pull_request: { base: { sha: HEAD }, head: { sha: BASE } } },
    ],
    ['it is a push', named(NON_PROD), { ref: 'refs/heads/main' }],
  ])('%s: everything is to be looked at', async (_, files, content) => {
    gh(files);

    await desk.step('scope.sh', [], event(content));

    expect(desk.written('output')).toBe('scope=all\nreleases=true\n');
  });
});

describe('scripts/ci/check-release.sh', () => {
  const DIGEST = `sha256:${'d'.repeat(64)}`;
  const SIGNED = `sha256:${'a'.repeat(64)}`;
  const [BASE, HEAD] = ['b'.repeat(40), 'c'.repeat(40)];
  const check = (proposed: string, env: NodeJS.ProcessEnv = {}, patch = ''): Promise<Ended> => {
    const event = { pull_request: { base: { sha: BASE }, head: { sha: HEAD } } };
    writeFileSync(join(desk.folder, 'event.json'), JSON.stringify(event));
    writeFileSync(join(desk.folder, 'patch'), patch);
    desk.plant(
      'gh',
      `case "$*" in
        *compare/${BASE}...${HEAD}*) cat '${desk.folder}/patch' ;;
        *non-prod*ref=${HEAD}) cat '${desk.folder}/non-prod' ;;
        *) echo 'digest:' ;;
      esac`,
    );
    writeFileSync(join(desk.folder, 'non-prod'), proposed);
    // One that knows a single image, and what is attested of it.
    const predicate = { metadata: { component: { purl: purlOf(SIGNED) } } };
    const payload = Buffer.from(JSON.stringify({ predicate })).toString('base64');
    writeFileSync(join(desk.folder, 'attested'), JSON.stringify({ payload }));
    desk.plant(
      'cosign',
      `case "$*" in *${SIGNED}*) cat '${desk.folder}/attested' ;; *) echo 'no signatures found' >&2; exit 1 ;; esac`,
    );
    return desk.step('check-release.sh', [], {
      GITHUB_EVENT_PATH: join(desk.folder, 'event.json'),
      GITHUB_REPOSITORY: 'acme/hello-world',
      REPOSITORY: 'localhost:5000/hello-world',
      ...env,
    });
  };

  describe('of a change that nobody has to approve', () => {
    const moved = ` spec:\n-      tag: sha-1\n-      digest: ${DIGEST}\n+      tag: '1.2.3'\n+      digest: ${SIGNED}\n`;

    it('tag and digest may change', async () => {
      const ended = await check(`      digest: ${SIGNED}\n`, { SCOPE: 'release' }, `@@ -1,4 +1,4 @@\n${moved}`);

      expect(ended).toMatchObject({ code: 0, stderr: '' });
    });

    it.each([
      ['another value', '+    hpa: { minReplicas: 0 }'],
      ['a chart from elsewhere', '+      sourceRef: { kind: GitRepository, name: mine }'],
      ['what comes after a tag on its line', '+      tag: { x: 1 }'],
      ['more than GitHub shows', '+ more than GitHub shows'],
    ])('%s may not, with or without a registry', async (_, line) => {
      for (const REPOSITORY of ['localhost:5000/hello-world', '']) {
        const ended = await check(`      digest: ${SIGNED}\n`, { SCOPE: 'release', REPOSITORY }, `${moved}${line}\n`);

        expect(ended.code).toBe(1);
        expect(ended.stderr).toContain('it changes more of non-prod than tag and digest');
      }
    });

    it('with something beside it that has an owner, it may', async () => {
      expect(await check(`      digest: ${SIGNED}\n`, { SCOPE: 'all' }, '+    x: y\n')).toMatchObject({ code: 0 });
    });
  });

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
    const ended = await desk.step('check-release.sh');

    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stdout).toMatch(/^skipped: REPOSITORY is not set/m);
  });
});

describe('scripts/ci/foreign-release.sh', () => {
  const [BASE, HEAD] = ['b'.repeat(40), 'c'.repeat(40)];
  const RELEASE = 'deploy/flux/prod/release/hello-world-helmrelease.yaml';
  const KUSTOMIZATION = 'deploy/flux/prod/release/kustomization.yaml';
  const check = (files: readonly Readonly<Record<string, string>>[]): Promise<Ended> => {
    const event = { pull_request: { base: { sha: BASE }, head: { sha: HEAD } } };
    writeFileSync(join(desk.folder, 'event.json'), JSON.stringify(event));
    writeFileSync(join(desk.folder, 'compared.json'), JSON.stringify({ files }));
    desk.plant('gh', `[[ $2 == */compare/${BASE}...${HEAD} ]] && jq -r "$4" '${desk.folder}/compared.json'`);
    return desk.step('foreign-release.sh', [], {
      GITHUB_EVENT_PATH: join(desk.folder, 'event.json'),
      GITHUB_REPOSITORY: 'acme/hello-world',
    });
  };

  it.each([
    ['code, whatever it says', { filename: 'package.json', patch: '+  "version": "1.2.3"' }],
    ['the chart', { filename: 'deploy/helm/hello-world/values.yaml', patch: '+ tag: x' }],
  ])('passes for %s', async (_, file) => {
    expect(await check([file])).toMatchObject({ code: 0, stderr: '' });
  });

  it.each([
    ['a tag', { filename: RELEASE, patch: '+      tag: sha-1' }],
    ['a key that is escaped', { filename: RELEASE, patch: '+      "t\\x61g": x' }],
    ['an image that Kustomize puts in', { filename: KUSTOMIZATION, patch: '+images: [{ name: x, newTag: y }]' }],
    ['a base from elsewhere', { filename: KUSTOMIZATION, patch: '+  - https://github.com/mallory/base?ref=main' }],
    ['a patch from elsewhere', { filename: KUSTOMIZATION, patch: '+  - path: ../../../helm/x.yaml' }],
    ['the branch that Flux follows', { filename: 'deploy/flux/prod/sync.yaml', patch: '+  ref: { branch: mine }' }],
    ['values from elsewhere', { filename: RELEASE, patch: '+  valuesFrom: [{ kind: ConfigMap, name: x }]' }],
    ['a new file', { filename: 'deploy/flux/non-prod/x.yaml', status: 'added', patch: '+kind: ConfigMap' }],
    ['a file that comes from elsewhere', { filename: RELEASE, status: 'renamed', previous_filename: 'x', patch: '' }],
    ['a file that goes elsewhere', { filename: 'x', status: 'renamed', previous_filename: RELEASE }],
    ['more than GitHub shows', { filename: RELEASE }],
  ])('refuses %s', async (_, file) => {
    const ended = await check([{ filename: 'README.md', patch: '+ hello' }, file]);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(
      /it changes deploy\/flux\/\S+, by which Flux knows what runs, and comes from who may not/,
    );
  });

  it('refuses what GitHub does not show, or not all of', async () => {
    const many = await check(Array.from({ length: 300 }, (_, n) => ({ filename: `${n}`, patch: '' })));
    desk.plant('gh', 'exit 1');
    const away = await desk.step('foreign-release.sh', [], {
      GITHUB_EVENT_PATH: join(desk.folder, 'event.json'),
      GITHUB_REPOSITORY: 'acme/hello-world',
    });

    expect([many.code, away.code]).toEqual([1, 1]);
    for (const { stderr } of [many, away]) expect(stderr).toContain('GitHub does not show what is changed');
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
