import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Action, environmentOf, type Job, type Pipeline, type Step, type Workflow } from './workflow-files.js';

const ROOT = resolve(import.meta.dirname, '../..');

const HOSTED = 'ubuntu-24.04';
/** The hosted runner, unless the one variable names others, or a second one those that have no role; for called workflows, what the caller has decided. */
const RUNNERS: ReadonlySet<unknown> = new Set([
  HOSTED,
  `\${{ fromJSON(vars.RUNNER_LABELS || '"${HOSTED}"') }}`,
  `\${{ fromJSON(vars.GATES_RUNNER_LABELS || vars.RUNNER_LABELS || '"${HOSTED}"') }}`,
  '${{ fromJSON(inputs.runner) }}',
]);
const LONGEST_MINUTES = 120;
const PULL_REQUESTS_ONLY = "${{ github.event_name == 'pull_request' }}";
const ONLY_MAIN = /(^|&&)\s*github\.event_name == 'push' && github\.ref == 'refs\/heads\/main'\s*$/;

/** What a rule finds: where, and what is wrong there. */
type Finding = string;
export type Rule = (pipeline: Pipeline) => Finding[];

interface Place {
  readonly at: string;
  readonly file: string;
  readonly workflow: Workflow;
  readonly job: Job;
}

function jobs({ workflows }: Pipeline): Place[] {
  return [...workflows].flatMap(([file, workflow]) =>
    Object.entries(workflow.jobs).map(([id, job]) => ({ at: `${file}: ${id}`, file, workflow, job })),
  );
}

const jobsWithSteps = (pipeline: Pipeline): Place[] => jobs(pipeline).filter(({ job }) => job.uses === undefined);

/** Steps of jobs and of local actions. */
function steps(pipeline: Pipeline): { readonly at: string; readonly step: Step }[] {
  const inJobs = jobs(pipeline).flatMap(({ at, job }) => (job.steps ?? []).map((step) => ({ at, step })));
  const inActions = [...pipeline.actions].flatMap(([at, action]: [string, Action]) =>
    action.runs.steps.map((step) => ({ at, step })),
  );
  return [...inJobs, ...inActions];
}

const asJson = (value: unknown): string => JSON.stringify(value ?? {});
const usesSecrets = (value: unknown): boolean => /\$\{\{[^}]*(?:\bsecrets[.[]|github\.token)/.test(asJson(value));

/** Whether a job could do something that somebody with no rights must not do. */
export function hasRights({ permissions, steps: all = [], ...job }: Job): boolean {
  const writes = Object.values(permissions ?? {}).includes('write') || permissions === 'write-all';
  return writes || usesSecrets([all, job.secrets]) || environmentOf(job) !== undefined;
}

/** Whether it runs anything that a commit of this repository could have changed. */
const runsOurs = ({ steps: all = [] }: Job): boolean =>
  all.some(({ run, uses }) => run !== undefined || uses?.startsWith('./'));

const isCheckout = ({ uses }: Step): boolean => uses?.startsWith('actions/checkout@') ?? false;

export const RULES: Readonly<Record<string, Rule>> = {
  'an action is pinned to a commit, with its version beside it': ({ texts }) =>
    [...texts].flatMap(([path, text]) =>
      [...text.matchAll(/^.*\buses:.*$/gm)]
        .map(([line]) => line.trim())
        .filter((line) => !/uses: \.\/\.github\/(actions\/[\w-]+|workflows\/[\w-]+\.yml)$/.test(line))
        .filter((line) => !/uses: [\w-]+(\/[\w.-]+)+@[0-9a-f]{40} # v\d+(\.\d+){0,2}$/.test(line))
        .map((line) => `${path}: ${line}`),
    ),

  'an action has one version everywhere': ({ texts }) => {
    const seen = new Map<string, Set<string>>();
    for (const text of texts.values()) {
      for (const [, name = '', pin = ''] of text.matchAll(/uses: ([\w-]+\/[\w.-]+)(?:\/[\w./-]+)?@(.*)$/gm)) {
        seen.set(name, (seen.get(name) ?? new Set()).add(pin));
      }
    }
    return [...seen].filter(([, pins]) => pins.size > 1).map(([name, pins]) => `${name}: ${[...pins].join(', ')}`);
  },

  'an image is pinned to a digest': ({ texts }) =>
    [...texts].flatMap(([path, text]) =>
      [...text.matchAll(/^ *(?:- |image: *)((?:kindest|[\w.-]+)\/?[\w./-]*:[\w.-]+(?:@\S+)?)$/gm)]
        .map(([, image = '']) => image)
        .filter((image) => !/^\d+:\d+$/.test(image) && !/@sha256:[0-9a-f]{64}$/.test(image))
        .map((image) => `${path}: ${image}`),
    ),

  'a workflow has no permissions of its own': ({ workflows }) =>
    [...workflows]
      .filter(([, { permissions }]) => asJson(permissions) !== '{}' || permissions === undefined)
      .map(([file]) => file),

  'a job names its permissions': (pipeline) =>
    jobs(pipeline)
      .filter(({ job }) => typeof job.permissions !== 'object' || Object.keys(job.permissions).length === 0)
      .map(({ at }) => at),

  'a job ends in time': (pipeline) =>
    jobsWithSteps(pipeline)
      .filter(({ job }) => !((job['timeout-minutes'] ?? Number.POSITIVE_INFINITY) <= LONGEST_MINUTES))
      .map(({ at }) => at),

  'a workflow says what it cancels, and that is pull requests': ({ workflows }) =>
    [...workflows]
      .filter(([, { on }]) => !('workflow_call' in on))
      .filter(
        ([, { concurrency }]) => ![false, PULL_REQUESTS_ONLY].includes(concurrency?.['cancel-in-progress'] ?? 'none'),
      )
      .map(([file]) => file),

  'a deployment is never cancelled, and there is one at a time': (pipeline) =>
    jobs(pipeline)
      .filter(({ job }) => environmentOf(job) !== undefined)
      .filter(
        ({ job }) => job.concurrency?.['cancel-in-progress'] !== false || !job.concurrency.group.startsWith('deploy-'),
      )
      .map(({ at }) => at),

  'no trigger runs foreign code with rights': ({ workflows }) =>
    [...workflows].flatMap(([file, { on }]) =>
      ['pull_request_target', 'workflow_run', 'issue_comment']
        .filter((name) => name in on)
        .map((name) => `${file}: ${name}`),
    ),

  'no secret is in the environment of a job': (pipeline) => [
    ...[...pipeline.workflows].filter(([, { env }]) => usesSecrets(env)).map(([file]) => file),
    ...jobs(pipeline)
      .filter(({ job }) => usesSecrets(job.env) || usesSecrets(job.with) || job.secrets !== undefined)
      .map(({ at }) => at),
  ],

  'harden-runner comes first': (pipeline) =>
    jobsWithSteps(pipeline)
      .filter(({ job }) => !job.steps?.[0]?.uses?.startsWith('step-security/harden-runner@'))
      .map(({ at }) => at),

  'a checkout leaves no credentials': (pipeline) =>
    steps(pipeline)
      .filter(({ step }) => isCheckout(step) && step.with?.['persist-credentials'] !== false)
      .map(({ at }) => at),

  'a step calls one script that is there, or npm': (pipeline) =>
    steps(pipeline).flatMap(({ at, step: { run } }) => {
      if (run === undefined) return [];
      const [, script] = /^(?:node )?(scripts\/[\w./-]+\.(?:sh|ts))(?: [^\n|&;<>`()]*)?$/.exec(run.trim()) ?? [];
      const npm = /^npm (?:ci|run [\w:-]+)(?: --?[\w-]+)*$/.test(run.trim());
      if (!npm && script === undefined) return [`${at}: ${run}`];
      return script === undefined || existsSync(resolve(ROOT, script)) ? [] : [`${at}: there is no ${script}`];
    }),

  'no expression is put into a command': (pipeline) =>
    steps(pipeline)
      .filter(({ step }) => step.run?.includes('${{') || String(step.with?.['script'] ?? '').includes('${{'))
      .map(({ at, step }) => `${at}: ${step.run ?? step.uses}`),

  'a runner is the hosted one, or what RUNNER_LABELS says': (pipeline) =>
    jobsWithSteps(pipeline)
      .filter(({ job }) => !RUNNERS.has(job['runs-on']))
      .map(({ at }) => at),

  'a job with rights takes its scripts from main': (pipeline) =>
    jobsWithSteps(pipeline)
      .filter(({ job }) => hasRights(job) && runsOurs(job))
      .filter(({ job }) => {
        const refs = (job.steps ?? []).filter(isCheckout).map((step) => step.with?.['ref']);
        const trusted = (ref: unknown): boolean =>
          ref === 'main' || (ref === '${{ github.sha }}' && ONLY_MAIN.test(String(job.if)));
        return refs.length !== 1 || !refs.every(trusted);
      })
      .map(({ at }) => at),

  'a job with rights takes nothing from a cache': (pipeline) =>
    jobsWithSteps(pipeline)
      .filter(({ job }) => hasRights(job))
      .filter(({ job }) =>
        (job.steps ?? []).some(
          ({ uses = '', with: inputs = {} }) =>
            (uses.startsWith('./.github/actions/setup') && inputs['rights'] !== 'true') ||
            uses.startsWith('actions/cache') ||
            'cache' in inputs,
        ),
      )
      .map(({ at }) => at),

  'data of other jobs goes to out/': (pipeline) =>
    steps(pipeline)
      .filter(({ step }) => step.uses?.startsWith('actions/download-artifact@') && step.with?.['path'] !== 'out')
      .map(({ at }) => at),

  'no choice ends with its second half for ever': ({ texts }) =>
    [...texts].flatMap(([path, text]) =>
      [...text.matchAll(/&& *(?:''|false|null|0) *\|\|/g)].map(([found]) => `${path}: ${found}`),
    ),
};
