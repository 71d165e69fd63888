import { describe, expect, it } from '@jest/globals';
import { type Call, type JobRun, play, type Scene } from './job-graph.js';
import { but, DIGEST, REGISTRY, REPOSITORY, SCENES, type SceneName, SELF_HOSTED, SHA, WITHOUT_AWS } from './scenes.js';
import { parsePipeline, readTexts } from './workflow-files.js';

const pipeline = parsePipeline(readTexts());
const names = Object.keys(SCENES) as SceneName[];

const ran = (scene: Scene): JobRun[] => play(pipeline, scene).filter(({ result }) => result !== 'skipped');
const idsOf = (runs: readonly JobRun[]): string[] => runs.map(({ id }) => id);
const theJob = (scene: Scene, id: string): JobRun => play(pipeline, scene).find((run) => run.id === `ci.yml: ${id}`)!;
const commandsOf = ({ calls }: JobRun): string[] => calls.flatMap(({ run }) => (run === undefined ? [] : [run]));

const writes = ({ permissions }: JobRun): string[] =>
  Object.entries(permissions)
    .filter(([, level]) => level === 'write')
    .map(([scope]) => scope);
const secretsOf = ({ calls }: JobRun): string[] => calls.flatMap(({ secrets }) => secrets);
/** The job's own token can do what its permissions say, and no more. */
const hasRights = (run: JobRun): boolean =>
  writes(run).length > 0 || secretsOf(run).some((secret) => secret !== 'github.token');

const GATES = [
  'static',
  'sast',
  'dependencies',
  'secrets',
  'trivy',
  'workflows',
  'platform-files',
  'test',
  'image',
  'image-scan',
  'integration',
  'image-tests',
  'alerts',
  'cluster',
  'signing',
].map((id) => `ci.yml: gates: ${id}`);
const CHECKED = ['ci.yml: scope', ...GATES, 'ci.yml: code-scanning', 'ci.yml: verdict'];
/** Where only what an environment runs has changed. */
const FEW = [
  'ci.yml: scope',
  'ci.yml: gates: secrets',
  'ci.yml: gates: platform-files',
  'ci.yml: code-scanning',
  'ci.yml: signed-release',
  'ci.yml: verdict',
];

const JOBS: Readonly<Record<SceneName, readonly string[]>> = {
  'a pull request': [...CHECKED, 'ci.yml: push-pull-request'],
  'a pull request with the label preview': [...CHECKED, 'ci.yml: push-pull-request', 'ci.yml: preview'],
  'a pull request of a fork, with the label preview': CHECKED,
  'a pull request of Dependabot': CHECKED,
  'a pull request of the pipeline, that moves a digest': FEW,
  'a pull request that is closed': ['preview-clean-up.yml: closed'],
  'a pull request of a fork that is closed': [],
  'the merge queue': CHECKED,
  'the merge queue, with what moves a digest': FEW,
  'a push to main': [
    ...CHECKED,
    'ci.yml: publish',
    'ci.yml: deploy-non-prod',
    'ci.yml: propose-prod',
    'ci.yml: notify',
    'scorecard.yml: scorecard',
  ],
  'a push to another branch': [],
  'what the pipeline has written to main': ['scorecard.yml: scorecard'],
  'a tag release/1.2.3': ['ci.yml: promote', 'ci.yml: propose-prod', 'ci.yml: notify'],
  'another tag': [],
  'the clock': [
    'preview-clean-up.yml: expired',
    'rescan.yml: rescan',
    'refresh.yml: refresh',
    'bench.yml: bench',
    'kubernetes.yml: cluster',
    'links.yml: links',
    'scorecard.yml: scorecard',
  ],
};

/** Jobs that read code and run none of it, only actions: they may look at a pull request and write what they find. */
const READERS = ['ci.yml: code-scanning', 'scorecard.yml: scorecard'];

describe('which jobs run', () => {
  it.each(names)('for %s', (name) => {
    const jobs = idsOf(ran(SCENES[name]));

    expect(jobs.toSorted()).toEqual(JOBS[name].toSorted());
  });

  it('the scenes start every job that there is', () => {
    const started = new Set(names.flatMap((name) => idsOf(ran(SCENES[name]))));
    const all = [...pipeline.workflows].flatMap(([file, { jobs }]) =>
      Object.entries(jobs)
        .filter(([, job]) => job.uses === undefined)
        .map(([id]) => (file === 'gates.yml' ? `ci.yml: gates: ${id}` : `${file}: ${id}`)),
    );

    expect(all.filter((id) => !started.has(id))).toEqual([]);
  });
});

describe('with which rights', () => {
  it('a fork and Dependabot get none, and only the hosted runner', () => {
    for (const name of [
      'a pull request of a fork, with the label preview',
      'a pull request of a fork that is closed',
    ] as const) {
      const runs = ran(SCENES[name]);

      expect(runs.flatMap(secretsOf).filter((secret) => secret !== 'github.token')).toEqual([]);
      expect(runs.filter((run) => run.runner.join() !== 'ubuntu-24.04').map(({ id }) => id)).toEqual([]);
    }
    const dependabot = ran(SCENES['a pull request of Dependabot']);
    expect(dependabot.filter((run) => hasRights(run) && !run.id.includes(': gates: ')).map(({ id }) => id)).toEqual([]);
  });

  it('the gates can only read, whoever they run for', () => {
    for (const name of names) {
      const gates = ran(SCENES[name]).filter(({ id }) => id.includes(': gates: '));

      expect(gates.filter((run) => JSON.stringify(run.permissions) !== '{"contents":"read"}')).toEqual([]);
      // The one token is that of the job, which can only read, and only for downloads.
      expect(
        gates
          .flatMap(({ calls }) => calls)
          .filter(({ secrets, run }) => secrets.length > 0 && run !== 'scripts/ci/tools.sh'),
      ).toEqual([]);
    }
  });

  it('a job with rights runs what is on main', () => {
    for (const name of names) {
      for (const run of ran(SCENES[name]).filter((run) => hasRights(run) && !READERS.includes(run.id))) {
        if (run.id.includes(': gates: ')) continue;
        const trusted = name === 'a push to main' ? ['main', SHA] : ['main'];

        expect({ id: run.id, checkouts: run.checkouts.filter((ref) => !trusted.includes(ref)) }).toEqual({
          id: run.id,
          checkouts: [],
        });
        expect(run.checkouts).toHaveLength(1);
      }
    }
  });

  it('a job that only reads code runs none of it', () => {
    for (const id of READERS) {
      const runs = names.flatMap((name) => ran(SCENES[name])).filter((run) => run.id === id);

      expect(runs.flatMap(commandsOf)).toEqual([]);
    }
  });

  it('only pushes to main and releases may have an identity that is deployed by', () => {
    const identities = new Map(
      names.map((name) => [name, idsOf(ran(SCENES[name]).filter((run) => writes(run).includes('id-token')))] as const),
    );

    expect(identities.get('a pull request')).toEqual(['ci.yml: push-pull-request']);
    expect(identities.get('the merge queue')).toEqual([]);
    expect(identities.get('a pull request of the pipeline, that moves a digest')).toEqual(['ci.yml: signed-release']);
    expect(identities.get('a push to main')).toEqual([
      'ci.yml: publish',
      'ci.yml: deploy-non-prod',
      'ci.yml: propose-prod',
      'scorecard.yml: scorecard',
    ]);
    const signed = theJob(SCENES['a pull request'], 'push-pull-request').calls.find(({ run }) =>
      run?.startsWith('scripts/ci/sign.sh'),
    );
    expect(signed?.env['CERTIFICATE_IDENTITY']).toBe(
      `https://github.com/${REPOSITORY}/.github/workflows/ci.yml@refs/pull/12/merge`,
    );
    const onMain = theJob(SCENES['a push to main'], 'publish').calls.find(({ run }) =>
      run?.startsWith('scripts/ci/sign.sh'),
    );
    expect(onMain?.env['CERTIFICATE_IDENTITY']).toBeUndefined();
  });

  it('self-hosted runners are named by one variable, and never run for a fork', () => {
    const labels = JSON.parse(SELF_HOSTED) as string[];
    const own = ran(SCENES['a push to main']).filter(({ runner }) => runner.join() === labels.join());
    const hosted = ran(but('a push to main', { vars: {} }));

    expect(idsOf(own)).toEqual(expect.arrayContaining([...GATES, 'ci.yml: publish', 'ci.yml: deploy-non-prod']));
    expect(new Set(hosted.flatMap(({ runner }) => runner))).toEqual(new Set(['ubuntu-24.04']));
  });

  it('secrets are where they are used, and prod is behind its environment', () => {
    const onMain = ran(SCENES['a push to main']);

    expect(secretsOf(onMain.find(({ id }) => id === 'ci.yml: publish')!)).toEqual([]);
    expect(secretsOf(onMain.find(({ id }) => id === 'ci.yml: notify')!)).toEqual(['SLACK_WEBHOOK_URL']);
    for (const scene of [SCENES['a push to main'], SCENES['a tag release/1.2.3']]) {
      const toProd = ran(scene).filter((run) =>
        commandsOf(run).some((command) => command.includes('set-digest.ts prod')),
      );
      expect(toProd.map(({ id, environment }) => ({ id, environment }))).toEqual([
        { id: 'ci.yml: propose-prod', environment: 'prod' },
      ]);
    }
  });
});

/** The commands of a job that sign, push, verify and deploy, in their order. */
function delivery(scene: Scene, id: string): string[] {
  return commandsOf(theJob(scene, id)).filter((command) =>
    /\/(sign|push|verify|gate-signed|set-digest)\./.test(command),
  );
}

const REFERENCE = `${REGISTRY}@${DIGEST}`;

describe('what is pushed and deployed', () => {
  it('is signed before it is in the registry, and verified there before it gets a tag', () => {
    const pushed = delivery(SCENES['a push to main'], 'publish');
    const ofPullRequest = delivery(SCENES['a pull request'], 'push-pull-request');

    const steps = [
      'scripts/ci/sign.sh',
      `scripts/ci/push.sh ${REGISTRY}`,
      `scripts/ci/sign.sh ${REFERENCE}`,
      `scripts/ci/verify.sh ${REFERENCE}`,
    ];
    expect(pushed).toEqual([...steps, `scripts/ci/push.sh ${REGISTRY} sha-${SHA} latest`]);
    expect(ofPullRequest).toEqual([...steps, `scripts/ci/push.sh ${REGISTRY} pr-12`]);
  });

  it.each([
    ['a pull request', 'pr-12'],
    ['a pull request of a fork, with the label preview', 'pr-12'],
    ['the merge queue', `sha-${SHA}`],
    ['a push to main', `sha-${SHA}`],
  ] as const)('is built once, for %s as %s', (name, tag) => {
    const built = ran(SCENES[name])
      .flatMap(commandsOf)
      .filter((command) => command.startsWith('scripts/ci/image.sh'));

    expect(built).toEqual([`scripts/ci/image.sh ${tag}`]);
  });

  it('is signed for a fork by a key of the run, which can reach no registry', () => {
    const runs = ran(SCENES['a pull request of a fork, with the label preview']);
    const commands = runs.flatMap(commandsOf).filter((command) => /\/(sign|push)\.sh/.test(command));
    const local = `localhost:5000/hello-world@${DIGEST}`;

    expect(commands).toEqual([
      'scripts/ci/sign.sh --ephemeral',
      'scripts/ci/push.sh localhost:5000/hello-world',
      `scripts/ci/sign.sh --ephemeral ${local}`,
      'scripts/ci/push.sh localhost:5000/hello-world pr-12',
    ]);
  });

  it('is pushed by nobody else, and the rehearsal of the gates stays on its machine', () => {
    for (const name of names) {
      const pushes = ran(SCENES[name]).flatMap((run) =>
        commandsOf(run)
          .filter((command) => command.includes('/push.sh'))
          .map((command) => ({ id: run.id, command })),
      );
      const elsewhere = pushes.filter(({ command }) => !command.startsWith('scripts/ci/push.sh localhost:'));

      expect(elsewhere.filter(({ id }) => !['ci.yml: publish', 'ci.yml: push-pull-request'].includes(id))).toEqual([]);
    }
  });

  it('is what the gates have built: the archive of this run, and a digest that is computed from it again', () => {
    const { calls } = theJob(SCENES['a push to main'], 'publish');
    const download = calls.find(({ uses }) => uses?.startsWith('actions/download-artifact@'));

    expect(download?.with).toEqual({ name: 'image', path: 'out' });
    expect(commandsOf(theJob(SCENES['a push to main'], 'publish'))).toContain(`scripts/ci/expect-digest.sh ${DIGEST}`);
    expect(calls.filter(({ run }) => /image\.sh|build-image|npm run image/.test(run ?? ''))).toEqual([]);
    expect(
      ran(SCENES['a push to main'])
        .flatMap(commandsOf)
        .filter((command) => command.startsWith('scripts/ci/image.sh')),
    ).toEqual([`scripts/ci/image.sh sha-${SHA}`]);
  });

  it('is, in each job that has it, the one that was built', () => {
    for (const run of ran(SCENES['a push to main'])) {
      const taken = run.calls.findIndex(({ uses }) => uses?.startsWith('actions/download-artifact@'));
      if (taken < 0) continue;

      expect(run.calls[taken + 1]?.run).toBe(`scripts/ci/expect-digest.sh ${DIGEST}`);
    }
  });

  it.each(['push-pull-request', 'publish'])('%s: another image than the gates have looked at is not signed', (id) => {
    const scene = but(id === 'publish' ? 'a push to main' : 'a pull request', { failing: [`${id}/image`] });

    expect(delivery(scene, id)).toEqual([]);
  });

  it('is verified once more before an environment is told of it', () => {
    expect(delivery(SCENES['a push to main'], 'deploy-non-prod')).toEqual([
      `scripts/ci/gate-signed.sh ${REFERENCE}`,
      `node scripts/ci/set-digest.ts non-prod --tag sha-${SHA} --digest ${DIGEST} --option a`,
    ]);
    expect(delivery(SCENES['a push to main'], 'propose-prod')[0]).toBe(`scripts/ci/gate-signed.sh ${REFERENCE}`);
  });

  it('a release builds nothing, and proposes the digest and the chart that were promoted', () => {
    const runs = ran(SCENES['a tag release/1.2.3']);
    const commands = runs.flatMap(commandsOf);

    expect(commands.filter((command) => /image\.sh|build/.test(command))).toEqual([]);
    expect(commands).toContain('scripts/ci/promote.sh release/1.2.3');
    expect(commands).toContain(
      `node scripts/ci/set-digest.ts prod --tag 1.2.3 --digest ${DIGEST} --chart-digest sha256:${'c'.repeat(64)} --option a`,
    );
  });

  it('the migration and the rules come before the digest, the rollout after it', () => {
    const steps = theJob(SCENES['a push to main'], 'deploy-non-prod').calls.flatMap(({ id }) => id ?? []);

    expect(steps.filter((id) => !['app', 'aws', 'login'].includes(id))).toEqual([
      'gate',
      'rules',
      'migrate',
      'gitops',
      'rollout',
    ]);
  });
});

const after = (scene: Scene): string[] =>
  idsOf(ran(scene)).filter((id) => !CHECKED.includes(id) && !id.startsWith('scorecard'));

describe('when something fails', () => {
  it.each(['static', 'test', 'image', 'image-scan', 'cluster', 'secrets'])(
    '%s of the gates: nothing is signed, pushed or deployed',
    (job) => {
      expect(after(but('a pull request with the label preview', { failing: [job] }))).toEqual([]);
      expect(after(but('a push to main', { failing: [job] }))).toEqual(['ci.yml: notify']);
      expect(idsOf(ran(but('the merge queue', { failing: [job] })))).toContain('ci.yml: verdict');
    },
  );

  it('the verdict: it is never skipped before a merge, and stands in the way', () => {
    for (const name of [
      'a pull request',
      'the merge queue',
      'a pull request of a fork, with the label preview',
    ] as const) {
      for (const failing of [[], ['test'], ['code-scanning']]) {
        expect(idsOf(ran(but(name, { failing })))).toContain('ci.yml: verdict');
      }
    }
    expect(after(but('a push to main', { failing: ['verdict'] }))).toEqual(['ci.yml: notify']);
  });

  it('the verdict learns of every job before it', () => {
    const { calls } = theJob(but('a push to main', { failing: ['test'] }), 'verdict');
    const { env } = calls.find(({ id }: Call) => id === 'verdict')!;

    expect(JSON.parse(env['NEEDS']!)).toMatchObject({
      gates: { result: 'failure' },
      'code-scanning': { result: 'success' },
    });
  });

  it('the scope: nothing is looked at, so nothing is let through', () => {
    const jobs = idsOf(ran(but('a pull request', { failing: ['scope'] })));

    expect(jobs).toEqual(['ci.yml: scope', 'ci.yml: code-scanning', 'ci.yml: verdict']);
  });

  it('a digest that main has not signed: the verdict knows', () => {
    const scene = but('a pull request of the pipeline, that moves a digest', { failing: ['signed-release/signed'] });
    const { env } = theJob(scene, 'verdict').calls.find(({ id }: Call) => id === 'verdict')!;

    expect(JSON.parse(env['NEEDS']!)).toMatchObject({ 'signed-release': { result: 'failure' } });
  });

  it.each(['sign', 'push', 'sign-image', 'verify'])('%s: no tag, and no deployment', (step) => {
    const scene = but('a push to main', { failing: [`publish/${step}`] });

    expect(delivery(scene, 'publish').filter((command) => command.endsWith(' latest'))).toEqual([]);
    expect(after(scene)).toEqual(['ci.yml: publish', 'ci.yml: notify']);
  });

  it('the gate before the deployment: nothing is migrated or proposed', () => {
    const scene = but('a push to main', { failing: ['deploy-non-prod/gate'] });

    expect(commandsOf(theJob(scene, 'deploy-non-prod')).at(-1)).toContain('gate-signed');
    expect(after(scene)).not.toContain('ci.yml: propose-prod');
  });

  it('the rollout: it is taken back, and not proposed to prod', () => {
    const scene = but('a push to main', { failing: ['deploy-non-prod/rollout'] });

    expect(commandsOf(theJob(scene, 'deploy-non-prod')).at(-1)).toBe(`scripts/ci/revert.sh non-prod ${DIGEST}`);
    expect(after(scene)).toEqual(['ci.yml: publish', 'ci.yml: deploy-non-prod', 'ci.yml: notify']);
  });

  it('the promotion: prod hears nothing', () => {
    expect(after(but('a tag release/1.2.3', { failing: ['promote/promote'] }))).toEqual([
      'ci.yml: promote',
      'ci.yml: notify',
    ]);
  });
});

describe('where something is absent', () => {
  it('AWS: the gates run, nothing is pushed, and no job fails', () => {
    for (const name of ['a pull request with the label preview', 'a push to main', 'a tag release/1.2.3'] as const) {
      const runs = play(pipeline, but(name, WITHOUT_AWS));

      expect(runs.filter(({ result }) => result === 'failure')).toEqual([]);
      expect(
        runs
          .flatMap(commandsOf)
          .filter((command) => /push\.sh (?!localhost)|set-digest|preview\.sh|promote/.test(command)),
      ).toEqual([]);
    }
  });

  it('a role to take by OIDC: the runner’s own is used', () => {
    const withRole = theJob(SCENES['a push to main'], 'publish').calls.filter(({ uses }) =>
      uses?.startsWith('aws-actions/'),
    );
    const without = theJob(
      but('a push to main', { vars: { AWS_REGION: 'eu-west-1', RUNNER_LABELS: SELF_HOSTED } }),
      'publish',
    );

    expect(withRole.map((call) => call.with['role-to-assume'])).toEqual([
      'arn:aws:iam::123456789012:role/hello-world-push',
    ]);
    expect(without.calls.filter(({ uses }) => uses?.startsWith('aws-actions/'))).toEqual([]);
    expect(delivery(SCENES['a push to main'], 'publish')).toEqual(
      commandsOf(without).filter((command) => /\/(sign|push|verify)\./.test(command)),
    );
  });

  it('Advanced Security, in a private repository: no code scanning, and the verdict knows that this may be', () => {
    const { github } = SCENES['a push to main'];
    const scene = but('a push to main', {
      github: { ...github, event: { repository: { name: 'hello-world', visibility: 'private' } } },
    });

    expect(idsOf(ran(scene))).not.toContain('ci.yml: code-scanning');
    expect(theJob(scene, 'verdict').calls.find(({ id }) => id === 'verdict')?.env['MAY_SKIP']).toContain(
      'code-scanning',
    );
    expect(after(scene)).toEqual(after(SCENES['a push to main']));
  });

  it('a direct apply is asked for by a variable', () => {
    const asked = but('a push to main', { vars: { ...SCENES['a push to main'].vars, DIRECT_APPLY: 'true' } });

    expect(commandsOf(theJob(asked, 'deploy-non-prod'))).toContain('scripts/ci/apply.sh non-prod');
    expect(commandsOf(theJob(SCENES['a push to main'], 'deploy-non-prod')).join()).not.toContain('apply.sh');
  });
});
