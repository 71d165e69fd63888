import type { Scene } from './job-graph.js';

export const REPOSITORY = 'acme/hello-world';
export const SHA = 'c0ffee0000000000000000000000000000000000';
export const DIGEST = `sha256:${'d'.repeat(64)}`;
export const REGISTRY = '123456789012.dkr.ecr.eu-west-1.amazonaws.com/hello-world';
export const SELF_HOSTED = '["self-hosted","linux","aws"]';

/** What a repository has set that delivers. */
const VARS = {
  AWS_REGION: 'eu-west-1',
  AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/hello-world-push',
  AWS_PULL_REQUEST_ROLE_ARN: 'arn:aws:iam::123456789012:role/hello-world-pull-request',
  GITOPS_APP_CLIENT_ID: 'Iv1.0',
  RUNNER_LABELS: SELF_HOSTED,
};

const OUTPUTS = {
  'scripts/ci/scope.sh': { scope: 'all', releases: 'false' },
  'scripts/ci/image.sh': { digest: DIGEST },
  'scripts/ci/aws-check.sh': { available: 'true' },
  'scripts/ci/ecr-login.sh': { repository: REGISTRY },
  'scripts/ci/push.sh': { digest: DIGEST, reference: `${REGISTRY}@${DIGEST}` },
  'node scripts/ci/set-digest.ts': { proposed: 'true' },
  'scripts/ci/promote.sh': { tag: '1.2.3', digest: DIGEST, 'chart-digest': `sha256:${'c'.repeat(64)}` },
};

function github(ref: string, event: Scene['github'], more: Scene['github'] = {}): Scene['github'] {
  return {
    ref,
    ref_type: ref.startsWith('refs/tags/') ? 'tag' : 'branch',
    ref_name: ref.replace(/^refs\/(heads|tags)\//, ''),
    sha: SHA,
    repository: REPOSITORY,
    repository_owner: 'acme',
    server_url: 'https://github.com',
    run_id: '1',
    token: '(github.token)',
    job: 'job',
    event: { repository: { name: 'hello-world', visibility: 'public' }, ...event },
    ...more,
  };
}

function scene(event: string, context: Scene['github'], more: Partial<Scene> = {}): Scene {
  return { event, github: { ...context, event_name: event }, vars: VARS, outputs: OUTPUTS, ...more };
}

function pullRequest(action: string, from = REPOSITORY, login = 'somebody', labels: readonly string[] = []): Scene {
  const pull = {
    number: 12,
    head: { repo: { full_name: from } },
    user: { login },
    labels: labels.map((name) => ({ name })),
  };
  return scene('pull_request', github('refs/pull/12/merge', { action, pull_request: pull }, { base_ref: 'main' }));
}

export const SCENES = {
  'a pull request': pullRequest('synchronize'),
  'a pull request with the label preview': pullRequest('synchronize', REPOSITORY, 'somebody', ['docs', 'preview']),
  'a pull request of a fork, with the label preview': pullRequest('opened', 'mallory/hello-world', 'mallory', [
    'preview',
  ]),
  'a pull request of Dependabot': pullRequest('opened', REPOSITORY, 'dependabot[bot]'),
  'a pull request of the pipeline, that moves a digest': {
    ...pullRequest('opened', REPOSITORY, 'hello-world-gitops[bot]'),
    outputs: { ...OUTPUTS, 'scripts/ci/scope.sh': { scope: 'release', releases: 'true' } },
  },
  'a pull request that is closed': pullRequest('closed'),
  'a pull request of a fork that is closed': pullRequest('closed', 'mallory/hello-world', 'mallory'),
  'the merge queue': scene(
    'merge_group',
    github('refs/heads/gh-readonly-queue/main/pr-12', { action: 'checks_requested' }),
  ),
  'the merge queue, with what moves a digest': {
    ...scene('merge_group', github('refs/heads/gh-readonly-queue/main/pr-12', { action: 'checks_requested' })),
    outputs: { ...OUTPUTS, 'scripts/ci/scope.sh': { scope: 'release', releases: 'true' } },
  },
  'a push to main': scene('push', github('refs/heads/main', {}), { paths: ['apps/hello-world/src/main.ts'] }),
  'a push to another branch': scene('push', github('refs/heads/somewhere', {}), { paths: ['README.md'] }),
  'what the pipeline has written to main': scene('push', github('refs/heads/main', {}), {
    paths: ['deploy/flux/non-prod/release/hello-world-helmrelease.yaml'],
  }),
  'a tag release/1.2.3': scene('push', github('refs/tags/release/1.2.3', {})),
  'another tag': scene('push', github('refs/tags/v1.2.3', {})),
  'the clock': scene('schedule', github('refs/heads/main', { schedule: '23 3 * * *' })),
} as const satisfies Readonly<Record<string, Scene>>;

export type SceneName = keyof typeof SCENES;

/** The same with other variables or failures. */
export function but(name: SceneName, change: Partial<Scene>): Scene {
  return { ...SCENES[name], ...change };
}

export const WITHOUT_AWS: Partial<Scene> = {
  vars: {},
  outputs: { ...OUTPUTS, 'scripts/ci/aws-check.sh': { available: 'false' } },
};
