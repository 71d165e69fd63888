import { describe, expect, it } from '@jest/globals';
import type { JobRun } from './job-graph.js';
import { CHECKED, commandsOf, GATES, idsOf, names, pipeline, ran, theJob } from './played.js';
import { but, REPOSITORY, SCENES, type SceneName, SELF_HOSTED, SHA } from './scenes.js';

const writes = ({ permissions }: JobRun): string[] =>
  Object.entries(permissions)
    .filter(([, level]) => level === 'write')
    .map(([scope]) => scope);
const secretsOf = ({ calls }: JobRun): string[] => calls.flatMap(({ secrets }) => secrets);
/** The job's own token can do what its permissions say, and no more. */
const hasRights = (run: JobRun): boolean =>
  writes(run).length > 0 || secretsOf(run).some((secret) => secret !== 'github.token');

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
  'a pull request of a fork, with the label preview': [...CHECKED, 'ci.yml: foreign-release'],
  'a pull request of Dependabot': [...CHECKED, 'ci.yml: foreign-release'],
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
    expect(dependabot.filter((run) => run.runner.join() !== 'ubuntu-24.04').map(({ id }) => id)).toEqual([]);
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

  it('the gates, and what a pull request runs, may have runners without a role', () => {
    const [own, without] = [
      ['self-hosted', 'role'],
      ['self-hosted', 'no-role'],
    ];
    const vars = {
      ...SCENES['a push to main'].vars,
      ...{ RUNNER_LABELS: JSON.stringify(own), GATES_RUNNER_LABELS: JSON.stringify(without) },
    };
    for (const name of names) {
      const withRole = ran(but(name, { vars })).filter(({ runner }) => runner.join() === own.join());

      expect(withRole.filter(({ id }) => id.includes(': gates: ')).map(({ id }) => id)).toEqual([]);
      if (/pull request|queue/.test(name)) expect(idsOf(withRole)).toEqual([]);
    }
    expect(theJob(but('a push to main', { vars }), 'publish').runner).toEqual(own);
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
