import { describe, expect, it } from '@jest/globals';
import { interpolate, type Value } from './expressions.js';
import { type Call, play, type Scene } from './job-graph.js';
import { CHECKED, commandsOf, idsOf, names, pipeline, ran, theJob } from './played.js';
import { but, DIGEST, REGISTRY, SCENES, type SceneName, SELF_HOSTED, SHA, WITHOUT_AWS } from './scenes.js';

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

  it('knows the history of main where it may become latest', () => {
    const { calls } = theJob(SCENES['a push to main'], 'publish');

    expect(calls.find(({ uses }) => uses?.startsWith('actions/checkout@'))?.with['fetch-depth']).toBe('0');
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
    const toNonProd = `node scripts/ci/set-digest.ts non-prod --tag sha-${SHA} --digest ${DIGEST} --option a --repository ${REGISTRY}`;

    expect(delivery(SCENES['a push to main'], 'deploy-non-prod')).toEqual([
      `scripts/ci/gate-signed.sh ${REFERENCE}`,
      `${toNonProd} --check`,
      toNonProd,
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

  it('whose turn it is comes first, the migration and the rules before the digest, the rollout after it', () => {
    const steps = theJob(SCENES['a push to main'], 'deploy-non-prod').calls.flatMap(({ id }) => id ?? []);

    expect(steps.filter((id) => !['app', 'aws', 'login'].includes(id))).toEqual([
      'gate',
      'turn',
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

  it('what says more than an image is looked at by what has changed', () => {
    const scene = SCENES['the merge queue, with what moves a digest'];
    const { env } = theJob(scene, 'signed-release').calls.find(({ id }: Call) => id === 'signed')!;

    expect(env['SCOPE']).toBe('release');
  });

  it('a digest that main has not signed: the verdict knows', () => {
    const scene = but('a pull request of the pipeline, that moves a digest', { failing: ['signed-release/signed'] });
    const { env } = theJob(scene, 'verdict').calls.find(({ id }: Call) => id === 'verdict')!;

    expect(JSON.parse(env['NEEDS']!)).toMatchObject({ 'signed-release': { result: 'failure' } });
  });

  it('a stranger who says what runs: the verdict knows', () => {
    for (const name of ['a pull request of a fork, with the label preview', 'a pull request of Dependabot'] as const) {
      const { env } = theJob(but(name, { failing: ['foreign-release/foreign'] }), 'verdict').calls.find(
        ({ id }: Call) => id === 'verdict',
      )!;

      expect(JSON.parse(env['NEEDS']!)).toMatchObject({ 'foreign-release': { result: 'failure' } });
    }
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

  it('the direct apply, after the digest was proposed: it is taken back likewise', () => {
    const vars = { ...SCENES['a push to main'].vars, DIRECT_APPLY: 'true' };
    const scene = but('a push to main', { vars, failing: ['deploy-non-prod/apply'] });

    expect(commandsOf(theJob(scene, 'deploy-non-prod')).at(-1)).toBe(`scripts/ci/revert.sh non-prod ${DIGEST}`);
  });

  it('the rollout, after an hour: the way back has a token of its own, as the first one has expired', () => {
    const { calls } = theJob(but('a push to main', { failing: ['deploy-non-prod/rollout'] }), 'deploy-non-prod');
    const at = (wanted: string): number => calls.findIndex(({ id }) => id === wanted);

    expect(at('app-again')).toBeGreaterThan(at('rollout'));
    expect(at('revert')).toBeGreaterThan(at('app-again'));
    expect(calls[at('app-again')]?.with).toEqual(calls[at('app')]?.with);
    const ofWorkflow = pipeline.texts.get('.github/workflows/ci.yml')!;
    expect(ofWorkflow).toMatch(
      /- id: revert\n(?: {8}.*\n)*? {10}GITOPS_TOKEN: \$\{\{ steps\.app-again\.outputs\.token \|\|/,
    );
  });

  it('the promotion: prod hears nothing', () => {
    expect(after(but('a tag release/1.2.3', { failing: ['promote/promote'] }))).toEqual([
      'ci.yml: promote',
      'ci.yml: notify',
    ]);
  });
});

describe('what waits', () => {
  const groupOf = (name: SceneName): Value => {
    const { github } = SCENES[name];
    return interpolate(pipeline.workflows.get('ci.yml')!.concurrency!.group, { values: { github } });
  };
  const groupToProd = (name: SceneName): Value =>
    interpolate(pipeline.workflows.get('ci.yml')!.jobs['propose-prod']!.concurrency!.group, {
      values: { github: SCENES[name].github },
    });

  it('a release does not wait for the run of its commit, in which somebody may have to approve something', () => {
    expect(groupOf('a push to main')).toBe(`ci-${SHA}`);
    expect(groupOf('a tag release/1.2.3')).toBe('ci-refs/tags/release/1.2.3');
    expect(groupOf('a pull request')).toBe('ci-12');
  });

  it('the clean-up of a preview waits for the job that makes it, and is not cancelled', () => {
    const groups = (['preview', 'closed'] as const).map((id) => {
      const file = id === 'preview' ? 'ci.yml' : 'preview-clean-up.yml';
      const { group, 'cancel-in-progress': cancels } = pipeline.workflows.get(file)!.jobs[id]!.concurrency!;
      const { github } = SCENES['a pull request that is closed'];
      return [interpolate(group, { values: { github } }), cancels];
    });

    expect(groups).toEqual([
      ['preview-12', false],
      ['preview-12', false],
    ]);
  });

  it('a release that waits for its approval is not replaced by a push to main', () => {
    expect(groupToProd('a tag release/1.2.3')).not.toBe(groupToProd('a push to main'));
  });

  it('each release has a run of its own to its end, however close they come', () => {
    const [promoted, other] = ['release/1.2.3', 'release/1.2.4'].map((tag) =>
      interpolate(pipeline.workflows.get('ci.yml')!.jobs['promote']!.concurrency!.group, {
        values: { github: { ref: `refs/tags/${tag}` } },
      }),
    );

    expect(promoted).toBe('promote-refs/tags/release/1.2.3');
    expect(other).not.toBe(promoted);
  });

  it.each(['deploy-non-prod', 'propose-prod'])('%s knows which commits came before which', (id) => {
    const { calls } = theJob(SCENES['a push to main'], id);

    expect(calls.find(({ uses }) => uses?.startsWith('actions/checkout@'))?.with['fetch-depth']).toBe('0');
  });

  it('a run that comes too late applies no rules, migrates nothing, and proposes nothing', () => {
    const { outputs } = SCENES['a push to main'];
    const late = but('a push to main', {
      outputs: { ...outputs, 'node scripts/ci/set-digest.ts': { proposed: 'false' } },
      vars: { ...SCENES['a push to main'].vars, DIRECT_APPLY: 'true' },
    });

    expect(commandsOf(theJob(late, 'deploy-non-prod')).at(-1)).toMatch(/set-digest\.ts non-prod .* --check$/);
    expect(after(late)).toEqual(['ci.yml: publish', 'ci.yml: deploy-non-prod', 'ci.yml: notify']);
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
