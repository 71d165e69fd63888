import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Listener } from './planted.js';
import { runStep } from './script.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'scripts-notify-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('notify.sh', () => {
  let slack: Listener;
  let status: number;
  let answer: string;

  beforeEach(async () => {
    [status, answer] = [200, 'ok'];
    slack = await new Listener(() => ({ status, text: answer })).start();
  });

  afterEach(async () => slack.stop());

  const webhook = () => `${slack.url}/services/secret-of-this-test`;

  it('is skipped where no webhook is set', async () => {
    expect(await runStep('notify.sh', ['hello'])).toMatchObject({
      code: 0,
      stdout: 'skipped: SLACK_WEBHOOK_URL is not set: nobody is told\n',
    });
  });

  it('tells each job with its result and where to look, and the address of the webhook to nobody', async () => {
    const NEEDS = JSON.stringify({ publish: { result: 'success' }, 'deploy-non-prod': { result: 'failure' } });
    const github = {
      GITHUB_REPOSITORY: 'acme/hello-world',
      GITHUB_REF_NAME: 'main',
      GITHUB_RUN_ID: '7',
      GITHUB_SERVER_URL: 'https://github.com',
    };

    const ended = await runStep('notify.sh', [], { env: { SLACK_WEBHOOK_URL: webhook(), NEEDS, ...github } });

    expect(ended).toEqual({ code: 0, stderr: '', stdout: 'notify: Slack is told\n' });
    expect(slack.asked).toEqual([{ path: '/services/secret-of-this-test', body: expect.any(String) }]);
    const { text } = JSON.parse(slack.asked[0]?.body ?? '{}') as { text: string };
    expect(text).toContain('acme/hello-world main: failed: deploy-non-prod');
    expect(text).toContain(':red_circle: deploy-non-prod: failure');
    expect(text).toContain('https://github.com/acme/hello-world/actions/runs/7');
  });

  it('takes a text as it is, quotes included', async () => {
    await runStep('notify.sh', ['a "quoted" $(text)'], { env: { SLACK_WEBHOOK_URL: webhook() } });

    expect(JSON.parse(slack.asked[0]?.body ?? '{}')).toEqual({ text: 'a "quoted" $(text)' });
  });

  it.each([
    ['only cancelled', { publish: 'success', 'deploy-non-prod': 'cancelled' }, 'cancelled: deploy-non-prod ('],
    ['cancelled, and another has failed', { publish: 'failure', promote: 'cancelled' }, 'failed: publish'],
  ])('a job that was %s is not told as failed', async (_what, results, verdict) => {
    const needs = Object.fromEntries(Object.entries(results).map(([job, result]) => [job, { result }]));

    await runStep('notify.sh', [], { env: { SLACK_WEBHOOK_URL: webhook(), NEEDS: JSON.stringify(needs) } });

    const { text } = JSON.parse(slack.asked[0]?.body ?? '{}') as { text: string };
    const [title] = text.split('\n');
    expect(title).toContain(`hello-world: ${verdict}`);
    expect(title?.split('failed: ')[1] ?? '').not.toMatch(/deploy-non-prod|promote/);
  });

  it.each([
    ['refuses the notice', 403, 'no_service', 'Slack answers 403 no_service, nobody is told'],
    ['is down', 503, '<html>/services/secret-of-this-test</html>', 'Slack answers 503, nobody is told'],
    ['does not answer', undefined, '', 'Slack does not answer, nobody is told'],
  ])(
    'a Slack that %s is a warning in the summary, without the address, and nothing fails',
    async (_, code, says, why) => {
      [status, answer] = [code ?? 0, says];
      const address = webhook();
      if (code === undefined) await slack.stop();
      const summary = join(mkdtempSync(join(folder, 'summary-')), 'summary');

      const ended = await runStep('notify.sh', ['x'], {
        env: { SLACK_WEBHOOK_URL: address, GITHUB_STEP_SUMMARY: summary },
      });

      expect(ended).toEqual({ code: 0, stderr: '', stdout: `notify: warning: ${why}\n` });
      expect(readFileSync(summary, 'utf8')).toBe(`- **notify**: warning: ${why}\n`);
    },
  );

  it.each([
    'hooks.slack.com/secret-of-this-test',
    'https:// secret-of-this-test',
    'https://a.example/secret-of-this-test"',
  ])('fails for an address that is none, %j, without printing it', async (address) => {
    const { code, stdout, stderr } = await runStep('notify.sh', ['x'], { env: { SLACK_WEBHOOK_URL: address } });

    expect(code).toBe(1);
    expect(stderr).toBe('notify: SLACK_WEBHOOK_URL is no URL of a webhook\n');
    expect(stdout).toBe('');
  });
});

describe('aws-check.sh', () => {
  const region = { AWS_REGION: 'eu-central-1', ECR_REPOSITORY: 'hello-world' };
  const role = { AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/hello-world-push' };
  const token = { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://token.example' };

  const check = async (env: NodeJS.ProcessEnv) => {
    const outputs = join(mkdtempSync(join(folder, 'outputs-')), 'outputs');
    const ended = await runStep('aws-check.sh', [], { env: { ...env, GITHUB_OUTPUT: outputs } });
    return { ...ended, outputs: existsSync(outputs) ? readFileSync(outputs, 'utf8') : '' };
  };

  it.each([
    ['there is no region', {}, /^skipped: AWS_REGION is not set .*: nothing is pushed/],
    [
      'there is no repository',
      { AWS_REGION: 'eu-central-1' },
      /^skipped: ECR_REPOSITORY is not set .*: nothing is pushed/,
    ],
  ])('is skipped where %s, and tells the steps after it', async (_what, env, why) => {
    const ended = await check(env);

    expect(ended).toMatchObject({ code: 0, outputs: 'available=false\n' });
    expect(ended.stdout).toMatch(why);
  });

  it.each([
    ['with a role and an identity', { ...region, ...role, ...token }],
    [
      'with a role in China',
      {
        ...{ ...region, AWS_REGION: 'cn-north-1' },
        ...{ ...token, AWS_ROLE_ARN: 'arn:aws-cn:iam::123456789012:role/hello-world-push' },
      },
    ],
    ['on a runner that has a role', { ...region, RUNNER_ENVIRONMENT: 'self-hosted' }],
  ])('passes %s', async (_what, env) => {
    expect(await check(env)).toMatchObject({ code: 0, stderr: '', outputs: 'available=true\n' });
  });

  it.each([
    ['a region that is none', { ...region, ...role, ...token, AWS_REGION: 'Frankfurt' }, /'Frankfurt' is no region/],
    [
      'a repository in capitals',
      { ...region, ...role, ...token, ECR_REPOSITORY: 'Hello' },
      /'Hello' is no name of a repository/,
    ],
    ['a role that is none', { ...region, ...token, AWS_ROLE_ARN: 'hello' }, /is no ARN of a role/],
    [
      'a role elsewhere than in China',
      { ...region, ...role, ...token, AWS_REGION: 'cn-north-1' },
      /the partition of AWS/,
    ],
    [
      'a role in China',
      { ...region, ...token, AWS_ROLE_ARN: 'arn:aws-cn:iam::123456789012:role/hello-world-push' },
      /is not of the partition of AWS that has the region 'eu-central-1'/,
    ],
    ['a job without an identity', { ...region, ...role }, /give it id-token: write/],
    [
      "GitHub's runner without a role",
      { ...region, RUNNER_ENVIRONMENT: 'github-hosted' },
      /set vars\.AWS_ROLE_ARN \(of pull requests vars\.AWS_PULL_REQUEST_ROLE_ARN\), or run on runners/,
    ],
  ])('refuses %s', async (_what, env, why) => {
    const { code, stderr, outputs } = await check(env);

    expect(code).toBe(1);
    expect(stderr).toMatch(why);
    expect(outputs).toBe('');
  });
});
