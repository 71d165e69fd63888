/**
 * Runs the workflows on paper: which start for an event, which of their jobs run, with which rights, on which runner, and
 * what their steps call, with expressions evaluated and local actions and workflows opened up. What a script would put out
 * is told by the scene. GitHub's own rules: a job runs when all it needs, and all that those needed, ran well, unless its
 * condition asks for more (https://github.com/actions/runner/issues/2205); a run for a fork can write nothing and sees no
 * secret.
 */
import { asText, type Contexts, evaluate, type Functions, interpolate, isTrue, type Value } from './expressions.js';
import {
  environmentOf,
  type Job,
  needsOf,
  type Permissions,
  type Pipeline,
  type Scalars,
  type Step,
  type Trigger,
} from './workflow-files.js';

export interface Scene {
  readonly event: string;
  /** The context `github`. */
  readonly github: { readonly [key: string]: Value };
  /** Paths that a push changes, where that counts. */
  readonly paths?: readonly string[];
  readonly vars?: Readonly<Record<string, string>>;
  /** Jobs and steps that fail, by `job` or `job/step id`. */
  readonly failing?: readonly string[];
  /** What a command puts out, by its first words. */
  readonly outputs?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface Call {
  readonly id?: string | undefined;
  readonly run?: string | undefined;
  readonly uses?: string | undefined;
  /** Of the job and of the step. */
  readonly env: Readonly<Record<string, string>>;
  readonly with: Readonly<Record<string, string>>;
  readonly secrets: readonly string[];
}

export interface JobRun {
  /** `ci.yml: publish`, or of a called workflow `ci.yml: gates: image`. */
  readonly id: string;
  readonly result: 'success' | 'failure' | 'skipped';
  readonly runner: readonly string[];
  readonly permissions: Permissions;
  readonly environment?: string | undefined;
  /** What is checked out: `merge` is the pull request as it would be merged. */
  readonly checkouts: readonly string[];
  readonly calls: readonly Call[];
}

type Outputs = Readonly<Record<string, string>>;
interface Needed {
  readonly result: string;
  readonly outputs: Outputs;
  /** The results of all that it waited for, and of what those had waited for. */
  readonly before: readonly string[];
}

const NO_TYPES: Readonly<Record<string, readonly string[]>> = { pull_request: ['opened', 'synchronize', 'reopened'] };
const ASKS_FOR_STATUS = /\b(always|failure|cancelled|success)\s*\(/;

/** The jobs of every workflow that the event starts, those that are skipped too. */
export function play(pipeline: Pipeline, scene: Scene): JobRun[] {
  return [...pipeline.workflows]
    .filter(([, { on }]) => starts(on[scene.event], scene))
    .flatMap(([file]) => new Run(pipeline, scene, file).jobs(file));
}

function starts(trigger: unknown, { event, github, paths }: Scene): boolean {
  if (trigger === undefined) return false;
  const { types = NO_TYPES[event], branches, tags, 'paths-ignore': ignored } = (trigger ?? {}) as Trigger;
  const payload = github['event'] as Readonly<Record<string, Value>>;
  if (types && event !== 'schedule' && !types.includes(asText(payload['action'] ?? null))) return false;
  if (event === 'pull_request') return branches?.includes(asText(github['base_ref'] ?? null)) ?? true;
  if (event !== 'push') return true;
  const ref = asText(github['ref'] ?? null);
  const tag = ref.startsWith('refs/tags/') ? ref.slice('refs/tags/'.length) : undefined;
  // Paths do not count for tags.
  if (tag !== undefined) return tags?.some((glob) => matches(glob, tag)) ?? branches === undefined;
  if (paths && ignored && paths.every((path) => ignored.includes(path))) return false;
  return branches?.some((glob) => matches(glob, ref.slice('refs/heads/'.length))) ?? tags === undefined;
}

const matches = (glob: string, name: string): boolean =>
  new RegExp(`^${glob.replace(/[.+]/g, '\\$&').replaceAll('*', '[^/]*')}$`).test(name);

class Run {
  readonly #pipeline: Pipeline;
  readonly #scene: Scene;
  readonly #name: string;
  readonly #inputs: Readonly<Record<string, string>> | undefined;
  readonly #limits: Permissions | undefined;
  readonly #done = new Map<string, Needed>();

  /** @param limits what the caller of a workflow lets it have at most */
  constructor(
    pipeline: Pipeline,
    scene: Scene,
    name: string,
    inputs?: Readonly<Record<string, string>>,
    limits?: Permissions,
  ) {
    this.#pipeline = pipeline;
    this.#scene = scene;
    this.#name = name;
    this.#inputs = inputs;
    this.#limits = limits;
  }

  jobs(file: string): JobRun[] {
    const workflow = this.#pipeline.workflows.get(file)!;
    const waiting = new Map(Object.entries(workflow.jobs));
    const runs: JobRun[] = [];
    while (waiting.size > 0) {
      const next = [...waiting].find(([, job]) => needsOf(job).every((need) => this.#done.has(need)));
      if (!next) throw new Error(`${file}: jobs wait for each other: ${[...waiting.keys()].join(', ')}`);
      waiting.delete(next[0]);
      runs.push(...this.#job(next[0], next[1], workflow.env ?? {}));
    }
    return runs;
  }

  /** Of a called workflow. */
  outputs(file: string): Outputs {
    const { outputs = {} } = this.#pipeline.workflows.get(file)!.on['workflow_call'] as Trigger;
    const jobs = Object.fromEntries([...this.#done].map(([id, { outputs }]) => [id, { outputs }]));
    return texts(
      Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value])),
      this.#contexts({ jobs }),
    );
  }

  #job(id: string, job: Job, workflowEnv: Scalars): JobRun[] {
    const needs = Object.fromEntries(needsOf(job).map((need) => [need, this.#done.get(need)!]));
    const results = Object.values(needs).flatMap(({ result, before }) => before.concat(result));
    const status: Functions = {
      always: () => true,
      cancelled: () => false,
      success: () => results.every((result) => result === 'success'),
      failure: () => results.includes('failure'),
    };
    const contexts = this.#contexts({ needs: needs as unknown as Value }, status);
    const name = `${this.#name}: ${id}`;
    const nothing = { id: name, result: 'skipped', runner: [], permissions: {}, checkouts: [], calls: [] } as const;
    if (!holds(job.if, contexts)) {
      this.#done.set(id, { result: 'skipped', outputs: {}, before: results });
      return [nothing];
    }
    const permissions = this.#granted(job);
    if (job.uses !== undefined) {
      const file = job.uses.slice(job.uses.lastIndexOf('/') + 1);
      const called = new Run(this.#pipeline, this.#scene, name, texts(job.with ?? {}, contexts), permissions);
      const runs = called.jobs(file);
      const well = runs.every(({ result }) => result !== 'failure');
      this.#done.set(id, {
        result: well ? 'success' : 'failure',
        outputs: well ? called.outputs(file) : {},
        before: results,
      });
      return runs;
    }
    const env = { ...texts(workflowEnv, contexts), ...texts(job.env ?? {}, contexts) };
    const steps = new Steps(this.#pipeline, this.#scene, id, contexts.values);
    const well = steps.play(job.steps ?? [], env) && !(this.#scene.failing ?? []).includes(id);
    const outputs = texts(
      job.outputs ?? {},
      this.#contexts({ needs: needs as unknown as Value, steps: steps.results }),
    );
    this.#done.set(id, { result: well ? 'success' : 'failure', outputs, before: results });
    const runner = interpolate(String(job['runs-on']), contexts);
    return [
      {
        id: name,
        result: well ? 'success' : 'failure',
        runner: (Array.isArray(runner) ? runner : [runner]).map(String),
        permissions,
        environment: environmentOf(job),
        checkouts: steps.calls
          .filter(({ uses }) => uses?.startsWith('actions/checkout@'))
          .map((call) => call.with['ref'] || 'merge'),
        calls: steps.calls,
      },
    ];
  }

  #granted(job: Job): Permissions {
    const asked = Object.entries(job.permissions ?? {}) as [string, 'read' | 'write'][];
    const tooMuch = asked.filter(
      ([scope, level]) => this.#limits !== undefined && ![level, 'write'].includes(this.#limits[scope] ?? ''),
    );
    if (tooMuch.length > 0)
      throw new Error(
        `${this.#name}: GitHub starts no workflow that asks for more than its caller: ${JSON.stringify(tooMuch)}`,
      );
    const fork = isFork(this.#scene);
    return Object.fromEntries(
      asked
        .filter(([scope]) => !(fork && scope === 'id-token'))
        .map(([scope, level]) => [scope, fork ? 'read' : level]),
    );
  }

  #contexts(more: Readonly<Record<string, Value>>, functions?: Functions): Contexts {
    const inputs = this.#inputs === undefined ? {} : { inputs: this.#inputs };
    const { github, vars = {} } = this.#scene;
    return { values: { github, vars, matrix: {}, ...inputs, ...more }, ...(functions ? { functions } : {}) };
  }
}

/** The steps of one job or of one local action. */
class Steps {
  readonly calls: Call[] = [];
  readonly #results: Record<string, { outcome: string; outputs: Outputs }> = {};
  readonly #pipeline: Pipeline;
  readonly #scene: Scene;
  readonly #job: string;
  readonly #values: Readonly<Record<string, Value>>;

  constructor(pipeline: Pipeline, scene: Scene, job: string, values: Readonly<Record<string, Value>>) {
    this.#pipeline = pipeline;
    this.#scene = scene;
    this.#job = job;
    this.#values = values;
  }

  get results(): Value {
    return this.#results;
  }

  /** @returns whether all that ran ended well */
  play(steps: readonly Step[], env: Readonly<Record<string, string>>): boolean {
    let well = true;
    for (const step of steps) {
      const status: Functions = {
        always: () => true,
        cancelled: () => false,
        success: () => well,
        failure: () => !well,
      };
      const contexts: Contexts = { values: this.#contexts(env), functions: { ...status, hashFiles: () => 'hash' } };
      if (!holds(step.if, contexts)) {
        this.#end(step, 'skipped', {});
        continue;
      }
      const secrets = [...JSON.stringify(step).matchAll(/\$\{\{([^}]*)\}\}/g)].flatMap(([, expression = '']) =>
        [...expression.matchAll(/\bsecrets\.(\w+)|github\.token/g)].map(([whole, name]) => name ?? whole),
      );
      const own = { ...env, ...texts(step.env ?? {}, contexts) };
      const inputs = texts(step.with ?? {}, contexts);
      const failing = (this.#scene.failing ?? []).includes(`${this.#job}/${step.id}`);
      if (step.uses?.startsWith('./')) {
        const action = this.#pipeline.actions.get(step.uses)!;
        const defaults = Object.fromEntries(
          Object.entries(action.inputs ?? {}).map(([name, input]) => [name, input.default ?? '']),
        );
        const inner = new Steps(this.#pipeline, this.#scene, this.#job, {
          github: this.#scene.github,
          inputs: { ...defaults, ...inputs },
        });
        const done = inner.play(action.runs.steps, own) && !failing;
        this.calls.push({ id: undefined, uses: step.uses, env: own, with: inputs, secrets }, ...inner.calls);
        const outputs = texts(
          Object.fromEntries(Object.entries(action.outputs ?? {}).map(([name, { value }]) => [name, value])),
          { values: { ...this.#contexts(own), steps: inner.results } },
        );
        this.#end(step, done ? 'success' : 'failure', outputs);
        well &&= done;
        continue;
      }
      const run = step.run?.replace(/"?\$(\w+)"?/g, (whole, name: string) => own[name] ?? whole);
      const { id, uses } = step;
      this.calls.push({ id, run, uses, env: own, with: inputs, secrets });
      this.#end(step, failing ? 'failure' : 'success', failing ? {} : this.#put(run));
      well &&= !failing;
    }
    return well;
  }

  #put(run = ''): Outputs {
    const outputs = this.#scene.outputs ?? {};
    const found = Object.keys(outputs)
      .filter((start) => run.startsWith(start))
      .sort((one, other) => other.length - one.length);
    return found[0] === undefined ? {} : outputs[found[0]]!;
  }

  #end({ id }: Step, outcome: string, outputs: Outputs): void {
    if (id !== undefined) this.#results[id] = { outcome, outputs };
  }

  #contexts(env: Readonly<Record<string, string>>): Readonly<Record<string, Value>> {
    const runner = { os: 'Linux', arch: 'X64' };
    const secrets = isFork(this.#scene) ? {} : Object.fromEntries(SECRETS.map((name) => [name, `(${name})`]));
    return { ...this.#values, runner, env, secrets, steps: this.results };
  }
}

const SECRETS = ['SLACK_WEBHOOK_URL', 'PLATFORM_DESIGN_TOKEN', 'KUBE_CONFIG_B64', 'GITOPS_APP_PRIVATE_KEY'];

/** Runs that GitHub gives no rights: of forks, and of Dependabot. */
function isFork({ event, github }: Scene): boolean {
  if (event !== 'pull_request') return false;
  const { pull_request: pull } = github['event'] as {
    pull_request: { head: { repo: { full_name: string } }; user: { login: string } };
  };
  return pull.head.repo.full_name !== github['repository'] || pull.user.login === 'dependabot[bot]';
}

function holds(condition: string | boolean | undefined, contexts: Contexts): boolean {
  if (typeof condition === 'boolean') return condition;
  const expression = (condition ?? '').replace(/^\s*\$\{\{([\s\S]*)\}\}\s*$/, '$1');
  const asked = ASKS_FOR_STATUS.test(expression);
  if (!asked && !isTrue(contexts.functions!['success']!())) return false;
  return expression.trim() === '' || isTrue(evaluate(expression, contexts));
}

function texts(values: Scalars, contexts: Contexts): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      const found = typeof value === 'string' ? interpolate(value, contexts) : value;
      return [name, found === null ? '' : typeof found === 'object' ? JSON.stringify(found) : String(found)];
    }),
  );
}
