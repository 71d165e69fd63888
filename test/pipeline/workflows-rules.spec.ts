import { describe, expect, it } from '@jest/globals';
import { parsePipeline, readTexts, type Texts } from './workflow-files.js';
import { RULES } from './workflow-rules.js';

const CI = '.github/workflows/ci.yml';
const GATES = '.github/workflows/gates.yml';
const SETUP = '.github/actions/setup/action.yml';
const PUBLISH = '.github/actions/publish/action.yml';
const IMAGE = '.github/actions/image/action.yml';
const CLEAN_UP = '.github/workflows/preview-clean-up.yml';

const texts = readTexts();

/** The workflows with one thing changed. It must be there: a mistake that is not planted proves nothing. */
function planted(path: string, before: string | RegExp, after: string): Texts {
  const text = texts.get(path)!;
  const changed = text.replace(before, after);
  if (changed === text) throw new Error(`${path} has no ${String(before)}`);
  return new Map([...texts, [path, changed]]);
}

/** A change of one job only. */
function inJob(id: string, before: string | RegExp, after: string): readonly [RegExp, string] {
  const text = texts.get(CI)!;
  const start = text.indexOf(`\n  ${id}:\n`);
  const length = text.slice(start + 1).search(/\n {2}(?:[\w-]+:|#)/);
  const job = text.slice(start, length < 0 ? undefined : start + 1 + length);
  const changed = job.replace(before, after);
  if (changed === job) throw new Error(`${id} has no ${String(before)}`);
  return [new RegExp(job.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')), changed.replaceAll('$', '$$$$')];
}

const CHECKOUT = 'actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1';

type Planted = readonly [
  rule: keyof typeof RULES,
  mistake: string,
  path: string,
  before: string | RegExp,
  after: string,
];

const MISTAKES: readonly Planted[] = [
  ['an action is pinned to a commit, with its version beside it', 'a tag', CI, CHECKOUT, 'actions/checkout@v7'],
  [
    'an action is pinned to a commit, with its version beside it',
    'a branch',
    GATES,
    CHECKOUT,
    'actions/checkout@main # v7',
  ],
  [
    'an action is pinned to a commit, with its version beside it',
    'a short commit',
    CI,
    CHECKOUT,
    'actions/checkout@3d3c42e # v7.0.1',
  ],
  [
    'an action is pinned to a commit, with its version beside it',
    'a version that is only known to its author',
    SETUP,
    / # v7.0.0/,
    '',
  ],
  [
    'an action is pinned to a commit, with its version beside it',
    'an action in a container',
    CI,
    CHECKOUT,
    'docker://alpine:3',
  ],
  [
    'an action has one version everywhere',
    'another commit of it',
    CI,
    '3d3c42e5aac5ba805825da76410c181273ba90b1',
    'a'.repeat(40),
  ],
  ['an image is pinned to a digest', 'a service by tag', GATES, /registry:3@sha256:\w+/, 'registry:3'],
  ['an image is pinned to a digest', 'a node of kind by tag', GATES, /v1.36.4@sha256:\w+/, 'v1.36.4'],
  ['a workflow has no permissions of its own', 'none named', CI, '\npermissions: {}\n', '\n'],
  ['a workflow has no permissions of its own', 'read-all', GATES, 'permissions: {}', 'permissions: read-all'],
  ['a job names its permissions', 'none named', GATES, '    permissions:\n      contents: read\n', ''],
  [
    'a job names its permissions',
    'write-all',
    CI,
    /permissions:\n {6}contents: read\n {6}id-token.*\n/,
    'permissions: write-all\n',
  ],
  ['a job ends in time', 'no limit', GATES, '    timeout-minutes: 15\n', ''],
  ['a job ends in time', 'six hours', GATES, 'timeout-minutes: 15', 'timeout-minutes: 360'],
  ['a workflow says what it cancels, and that is pull requests', 'nothing said', CI, /concurrency:\n.*\n.*\n/, ''],
  [
    'a workflow says what it cancels, and that is pull requests',
    'everything',
    CI,
    /cancel-in-progress: \$.*/,
    'cancel-in-progress: true',
  ],
  [
    'a deployment is never cancelled, and there is one at a time',
    'cancelled by the next',
    CI,
    /(group: deploy-prod-\S+ \S+ \S+\n *cancel-in-progress: )false/,
    '$1true',
  ],
  [
    'a deployment is never cancelled, and there is one at a time',
    'none',
    CI,
    / *concurrency:\n *group: deploy-non-prod\n.*\n/,
    '',
  ],
  [
    'no trigger runs foreign code with rights',
    'pull_request_target',
    CLEAN_UP,
    'pull_request:',
    'pull_request_target:',
  ],
  [
    'no trigger runs foreign code with rights',
    'workflow_run',
    CLEAN_UP,
    '  schedule:',
    '  workflow_run: { workflows: [ci] }\n  schedule:',
  ],
  [
    'no secret is in the environment of a job',
    'the database of production',
    CI,
    '      TAG: sha-',
    '      DATABASE_URL: ${{ secrets.DATABASE_URL }}\n      TAG: sha-',
  ],
  [
    'no secret is in the environment of a job',
    'of the workflow',
    CI,
    'env:\n',
    'env:\n  SLACK: ${{ secrets.SLACK_WEBHOOK_URL }}\n',
  ],
  [
    'no secret is in the environment of a job',
    'the token of the job',
    CI,
    '      TAG: sha-',
    '      GH_TOKEN: ${{ github.token }}\n      TAG: sha-',
  ],
  [
    'no secret is in the environment of a job',
    'all of them, handed on',
    CI,
    '    uses: ./.github/workflows/gates.yml\n',
    '    uses: ./.github/workflows/gates.yml\n    secrets: inherit\n',
  ],
  [
    'harden-runner comes first',
    'second',
    GATES,
    /( {6}- uses: step-security[^\n]*\n.*\n.*\n)( {6}- uses: actions\/checkout[^\n]*\n.*\n.*\n)/,
    '$2$1',
  ],
  ['harden-runner comes first', 'missing', GATES, / {6}- uses: step-security[^\n]*\n.*\n.*\n/, ''],
  ['a checkout leaves no credentials', 'left', CI, 'persist-credentials: false', 'persist-credentials: true'],
  ['a checkout leaves no credentials', 'left, as nothing is said', GATES, '          persist-credentials: false\n', ''],
  [
    'a step calls one script that is there, or npm',
    'a command of its own',
    GATES,
    'run: npm run check:types',
    'run: npx tsc --noEmit',
  ],
  [
    'a step calls one script that is there, or npm',
    'two commands',
    GATES,
    'run: npm run check:types',
    'run: npm run check:types && curl https://example.com',
  ],
  [
    'a step calls one script that is there, or npm',
    'two lines',
    GATES,
    'run: scripts/ci/load-image.sh',
    'run: |\n          scripts/ci/load-image.sh\n          env',
  ],
  [
    'a step calls one script that is there, or npm',
    'a failure that does not count',
    GATES,
    'run: scripts/ci/load-image.sh',
    'run: scripts/ci/load-image.sh || true',
  ],
  [
    'a step calls one script that is there, or npm',
    'a script that is not there',
    GATES,
    'run: scripts/ci/load-image.sh',
    'run: scripts/ci/laod-image.sh',
  ],
  [
    'a step calls one script that is there, or npm',
    'in a local action',
    SETUP,
    'run: scripts/ci/tools.sh',
    'run: curl https://mise.run | sh',
  ],
  [
    'no expression is put into a command',
    'the title of the pull request',
    CI,
    'run: scripts/ci/notify.sh',
    'run: scripts/ci/notify.sh ${{ github.event.pull_request.title }}',
  ],
  ['no expression is put into a command', 'an input, in a local action', PUBLISH, ' $TAGS', ' ${{ inputs.tags }}'],
  [
    'a runner is the hosted one, or what RUNNER_LABELS says',
    'self-hosted',
    GATES,
    'runs-on: ${{ fromJSON(inputs.runner) }}',
    'runs-on: self-hosted',
  ],
  [
    'a runner is the hosted one, or what RUNNER_LABELS says',
    'whatever is the latest',
    CI,
    'runs-on: ubuntu-24.04',
    'runs-on: ubuntu-latest',
  ],
  [
    'a job with rights takes its scripts from main',
    'the pull request’s',
    CI,
    ...inJob('push-pull-request', 'ref: main', 'ref: ${{ github.head_ref }}'),
  ],
  [
    'a job with rights takes its scripts from main',
    'those of the merge',
    CI,
    ...inJob('preview', '          ref: main\n', ''),
  ],
  [
    'a job with rights takes its scripts from main',
    'the commit, though not only of main',
    CI,
    ...inJob('promote', 'ref: main', 'ref: ${{ github.sha }}'),
  ],
  [
    'a job with rights takes its scripts from main',
    'the commit, as it no longer asks for main',
    CI,
    ...inJob('publish', " && github.ref == 'refs/heads/main'", ''),
  ],
  [
    'a job with rights takes its scripts from main',
    'for a secret',
    CI,
    ...inJob('notify', '          ref: main\n', ''),
  ],
  [
    'a job with rights takes nothing from a cache',
    'of packages',
    CI,
    ...inJob('publish', "rights: 'true'", "rights: 'false'"),
  ],
  [
    'a job with rights takes nothing from a cache',
    'of its own',
    CI,
    ...inJob(
      'publish',
      '      - id: publish',
      '      - uses: actions/cache@55cc8345863c7cc4c66a329aec7e433d2d1c52a9 # v6.1.0\n      - id: publish',
    ),
  ],
  ['data of other jobs goes to out/', 'over the scripts', IMAGE, 'path: out', 'path: .'],
  [
    'no choice ends with its second half for ever',
    'an empty first half',
    SETUP,
    "inputs.rights != 'true' && 'npm' || ''",
    "inputs.rights == 'true' && '' || 'npm'",
  ],
];

describe('the workflows', () => {
  it.each(Object.entries(RULES))('%s', (_, rule) => {
    const found = rule(parsePipeline(texts));

    expect(found).toEqual([]);
  });

  it.each(MISTAKES)('%s: refused is %s', (name, _mistake, path, before, after) => {
    const asTheyAre = RULES[name]!(parsePipeline(texts));

    const found = RULES[name]!(parsePipeline(planted(path, before, after)));

    expect(found.length).toBeGreaterThan(asTheyAre.length);
  });

  it('each rule has a mistake that it refuses', () => {
    const tried = new Set(MISTAKES.map(([rule]) => rule));

    expect(Object.keys(RULES).filter((rule) => !tried.has(rule))).toEqual([]);
  });
});
