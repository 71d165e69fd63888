import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { whyNoTool } from '../support/tools.js';
import { describeUnless } from '../support/unless.js';
import { GitRemote } from './git-remote.js';
import { Listener, pathWithout, program, realPath } from './planted.js';
import { ROOT, run, runStep } from './script.js';

jest.setTimeout(120_000);

const DIGEST = `sha256:${'a'.repeat(64)}`;
const REFERENCE = `registry.example/hello-world@${DIGEST}`;
const KUBE_CONFIG_B64 = Buffer.from('apiVersion: v1\nkind: Config\n').toString('base64');

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scripts-deploy-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('migrate.sh', () => {
  it('is skipped where the chart migrates, which is how this repository has it', async () => {
    const ended = await runStep('migrate.sh', [REFERENCE], { env: { KUBE_CONFIG_B64 } });

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toMatch(/^skipped: the chart migrates in non-prod \(migrations\.enabled\)/);
  });

  it('refuses an image without a digest, and an environment that is none', async () => {
    expect((await runStep('migrate.sh', ['hello-world:latest'])).stderr).toContain('is not a reference by digest');
    const other = await runStep('migrate.sh', [REFERENCE], { env: { ENVIRONMENT: 'production' } });
    expect(other.stderr).toContain("'production' is no environment");
  });

  describeUnless(whyNoTool('kubectl') ?? whyNoTool('helm'))('where the pipeline is the owner', () => {
    let repository: GitRemote;

    beforeAll(() => {
      repository = new GitRemote(folder, ['scripts/ci', 'deploy/flux', 'deploy/helm/hello-world', 'package.json']);
      symlinkSync(join(ROOT, 'node_modules'), join(repository.checkout, 'node_modules'));
      const base = 'deploy/flux/base/release/hello-world-helmrelease.yaml';
      const text = readFileSync(join(repository.checkout, base), 'utf8');
      repository.commit(base, text.replace('migrations: {', 'migrations: { enabled: false,'), 'the pipeline migrates');
    });

    const migrate = async (env: NodeJS.ProcessEnv) =>
      run(join(repository.checkout, 'scripts/ci/migrate.sh'), [REFERENCE], { cwd: repository.checkout, env });

    it('is skipped without a cluster', async () => {
      const ended = await migrate({});

      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toContain('skipped: the migration of non-prod: KUBE_CONFIG_B64 is not set');
    });

    it('says that the identity is not filled in', async () => {
      const kubectl = program(folder, 'kubectl', `[ "$1" != kustomize ] || exec ${realPath('kubectl')} "$@"`);
      const ended = await migrate({ KUBE_CONFIG_B64, PATH: kubectl.PATH });

      expect(ended.code).toBe(1);
      expect(ended.stderr).toMatch(/is deploy\/flux\/identity\/identity\.yaml filled in\?/);
    });

    it.each([
      ['Complete', 0],
      ['Failed', 1],
    ])('applies the Job of the chart with the digest, and ends as it does: %s', async (condition, expected) => {
      const identity = 'deploy/flux/identity/identity.yaml';
      const filled = readFileSync(join(ROOT, identity), 'utf8')
        .replace(/^( {2}gitRepository:)$/m, '$1 https://github.com/acme/hello-world')
        .replace(/^( {2}registry:)$/m, '$1 registry.example')
        .replace(/^( {2}\w+:)$/gm, '$1 x.example/1')
        .replace(/^( {2}databaseCidr:).*$/gm, '$1 10.0.0.0/24')
        .replace(/^( {2}(host|grafana|clusterIssuer|secretStore|domain):).*$/gm, '$1 a.example')
        .replace(/^( {2}grafana:).*$/gm, '$1 https://grafana.example');
      writeFileSync(join(repository.checkout, identity), filled);
      const applied = join(folder, `applied-${condition}.yaml`);
      const kubectl = program(
        folder,
        'kubectl',
        `case "$*" in
          kustomize*) exec ${realPath('kubectl')} "$@" ;;
          *apply*) cp "\${@: -1}" '${applied}' ;;
          *'get job'*) echo '${condition} ' ;;
        esac`,
      );

      const ended = await migrate({ KUBE_CONFIG_B64, PATH: kubectl.PATH });

      expect(ended.code).toBe(expected);
      const manifests = readFileSync(applied, 'utf8');
      expect(manifests).toContain(`image: registry.example/hello-world:migration@${DIGEST}\n`);
      expect(manifests).toContain('kind: Job');
      expect(kubectl.calls()).not.toContain(KUBE_CONFIG_B64);
      if (condition === 'Failed') expect(ended.stderr).toContain('nothing is deployed');
    });
  });
});

describe('a release that cannot be read', () => {
  it.each([
    ['migrate.sh', 'one whose chart migrates', [REFERENCE]],
    ['rules.sh', 'one without rules', []],
  ])('is not taken by %s for %s', async (step, _what, args) => {
    const repository = new GitRemote(folder, [
      'scripts/ci',
      'deploy/flux',
      'deploy/helm/hello-world/values.yaml',
      'monitoring/prometheus-rules.yaml',
    ]);
    symlinkSync(join(ROOT, 'node_modules'), join(repository.checkout, 'node_modules'));
    writeFileSync(join(repository.checkout, 'deploy/flux/base/release/hello-world-helmrelease.yaml'), 'spec: {\n');
    const { PATH } = program(folder, 'promtool', 'exit 0');

    const ended = await run(join(repository.checkout, 'scripts/ci', step), args, {
      cwd: repository.checkout,
      env: { PATH, KUBE_CONFIG_B64 },
    });

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('the values of non-prod cannot be read');
  });
});

describe('rules.sh', () => {
  const promtool = () => program(folder, 'promtool', 'exit 0');

  it('is skipped without promtool', async () => {
    const ended = await runStep('rules.sh', [], { env: { PATH: pathWithout(folder, 'promtool') } });

    expect(ended.stdout).toContain('skipped: there is no promtool on the PATH');
  });

  it('checks the rules, and leaves them to the chart, which brings them here', async () => {
    const ended = await runStep('rules.sh', [], { env: { PATH: promtool().PATH, KUBE_CONFIG_B64 } });

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain('rules: monitoring/prometheus-rules.yaml is valid');
    expect(ended.stdout).toContain(
      'skipped: applying the rules: the chart brings them to non-prod (prometheusRule.enabled)',
    );
  });

  it('fails when promtool refuses them', async () => {
    const { PATH } = program(folder, 'promtool', 'exit 1');

    expect((await runStep('rules.sh', [], { env: { PATH } })).stderr).toContain(
      'promtool refuses monitoring/prometheus-rules.yaml',
    );
  });

  it('applies them where the chart does not bring them and the cluster has the operator', async () => {
    const repository = new GitRemote(folder, [
      'scripts/ci',
      'deploy/flux',
      'deploy/helm/hello-world/values.yaml',
      'monitoring/prometheus-rules.yaml',
      'monitoring/prometheus-rule.yaml',
    ]);
    symlinkSync(join(ROOT, 'node_modules'), join(repository.checkout, 'node_modules'));
    const base = 'deploy/flux/base/release/hello-world-helmrelease.yaml';
    const text = readFileSync(join(repository.checkout, base), 'utf8');
    repository.commit(
      base,
      text.replace('prometheusRule: { enabled: true', 'prometheusRule: { enabled: false'),
      'no rules',
    );
    const rules = async (env: NodeJS.ProcessEnv) =>
      run(join(repository.checkout, 'scripts/ci/rules.sh'), [], { cwd: repository.checkout, env });
    const withOperator = program(folder, 'kubectl', 'exit 0');
    const withoutOperator = program(folder, 'kubectl', '[ "$1" != get ]');
    const path = (kubectl: { PATH: string }) => `${promtool().PATH.split(':')[0]}:${kubectl.PATH}`;

    expect((await rules({ PATH: promtool().PATH })).stdout).toContain('KUBE_CONFIG_B64 is not set');
    expect((await rules({ PATH: path(withoutOperator), KUBE_CONFIG_B64 })).stdout).toContain(
      'the cluster has no Prometheus operator',
    );
    expect(await rules({ PATH: path(withOperator), KUBE_CONFIG_B64 })).toMatchObject({ code: 0, stderr: '' });
    expect(withOperator.calls()).toContain('apply --filename monitoring/prometheus-rule.yaml');
  });
});

describe('rollout.sh', () => {
  const quick = {
    ROLLOUT_DEADLINE_S: '2',
    ROLLOUT_PAUSE_S: '0.2',
    SMOKE_DEADLINE_S: '1',
    OBSERVE_S: '0',
    SMOKE_OVER_HTTP: 'true',
  };
  const rollout = async (env: NodeJS.ProcessEnv) =>
    runStep('rollout.sh', ['non-prod', DIGEST], { env: { ...quick, ...env } });

  it('skips everything that it cannot ask here, each with its reason', async () => {
    const ended = await rollout({});

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout.trim().split('\n')).toEqual([
      'skipped: the pods of non-prod: KUBE_CONFIG_B64 is not set',
      'skipped: the page of non-prod: SERVICE_URL is not set',
      'skipped: the objectives of non-prod: PROMETHEUS_URL is not set',
    ]);
  });

  it('waits for the digest and for the end of the rollout', async () => {
    const kubectl = program(
      folder,
      'kubectl',
      `case "$*" in *'get deployment'*) echo 'registry.example/hello-world:x@${DIGEST}' ;; esac`,
    );

    const ended = await rollout({ KUBE_CONFIG_B64, PATH: kubectl.PATH });

    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(ended.stdout).toContain(`every pod of hello-world-non-prod runs ${DIGEST}`);
    expect(kubectl.calls()).toContain('rollout status deployment/hello-world');
  });

  it('fails when the digest does not come, and when the rollout does not end', async () => {
    const old = program(
      folder,
      'kubectl',
      `case "$*" in *'get deployment'*) echo 'registry.example/hello-world:x@sha256:old' ;; esac`,
    );
    const stuck = program(
      folder,
      'kubectl',
      `case "$*" in *'get deployment'*) echo 'registry.example/hello-world:x@${DIGEST}' ;; *'rollout status'*) exit 1 ;; esac`,
    );

    expect((await rollout({ KUBE_CONFIG_B64, PATH: old.PATH })).stderr).toContain('has the pull request been merged');
    expect((await rollout({ KUBE_CONFIG_B64, PATH: stuck.PATH })).stderr).toContain('does not come to its end');
  });

  it('fails when Flux takes the release back meanwhile, though that rollout comes to its end', async () => {
    const takenBack = program(
      folder,
      'kubectl',
      `case "$*" in
        *'get deployment'*) [ -e "$0.back" ] && echo 'x@sha256:old' || echo 'x@${DIGEST}' ;;
        *'rollout status'*) touch "$0.back" ;;
      esac`,
    );

    const { code, stderr } = await rollout({ KUBE_CONFIG_B64, PATH: takenBack.PATH });

    expect(code).toBe(1);
    expect(stderr).toContain('does not any longer: Flux has taken it back');
  });

  describe('that asks a page and Prometheus', () => {
    let page: Listener;
    let prometheus: Listener;
    let burn: string | undefined;
    let firing: string | undefined;

    beforeEach(async () => {
      [burn, firing] = ['0.5', undefined];
      page = await new Listener(({ url }) => (url === '/' ? { text: 'hello world' } : { status: 404 })).start();
      prometheus = await new Listener(({ url }) => {
        const value = decodeURIComponent(url ?? '').includes('ALERTS') ? firing : burn;
        return { text: JSON.stringify({ data: { result: value === undefined ? [] : [{ value: [0, value] }] } }) };
      }).start();
    });

    afterEach(async () => Promise.all([page.stop(), prometheus.stop()]));

    const both = () => ({ SERVICE_URL: page.url, PROMETHEUS_URL: prometheus.url });

    it('passes when both are well', async () => {
      const ended = await rollout(both());

      expect(ended).toMatchObject({ code: 0, stderr: '' });
      expect(ended.stdout).toContain('no critical alert, and a burn rate of 0.5');
      expect(decodeURIComponent(prometheus.asked[0]?.path ?? '')).toContain('namespace="hello-world-non-prod"');
    });

    it('fails while the error budget burns, and while a critical alert fires', async () => {
      burn = '20';
      expect((await rollout(both())).stderr).toContain('burns 20 times as fast as it may');

      [burn, firing] = ['0.1', '2'];
      expect((await rollout(both())).stderr).toContain('2 critical alerts of hello-world-non-prod fire');
    });

    it('says that nothing asked the service yet', async () => {
      burn = undefined;

      expect((await rollout(both())).stdout).toContain(
        'skipped: the burn rate of hello-world-non-prod: Prometheus knows none',
      );
    });

    it('fails when the page is another one, or is not asked by https', async () => {
      const elsewhere = { ...both(), SERVICE_URL: prometheus.url };
      expect((await rollout(elsewhere)).stderr).toContain('is not as it should be');

      expect((await rollout({ ...both(), SMOKE_OVER_HTTP: '' })).stderr).toContain('its users come by https');
    });
  });
});
