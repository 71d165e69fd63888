import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { guardObjects } from './cluster-guard.js';
import { clusterImages, whyNoClusterImages } from './cluster-images.js';
import type { Dismiss } from './guard.js';
import { CHART, type KubeObject, over, type Values } from './helm.js';
import { whyNoTool } from './tools.js';

const run = promisify(execFile);

const PROBE_TIMEOUT_MS = 20_000;
/** By far longer than anything takes on a loaded machine. */
const COMMAND_TIMEOUT_MS = 420_000;
const MAX_OUTPUT_BYTES = 2 ** 27;
/** For `jest.setTimeout`: by far longer than a test, or what is before and after it, takes on a loaded machine. */
export const PATIENCE_MS = 480_000;
/** How long Helm waits for what it has installed. */
const HELM_TIMEOUT = '180s';

/** Why there is no cluster that tests may use; `undefined` where there is one. */
export function whyNoCluster(): string | undefined {
  const noTool = whyNoTool('kubectl') ?? whyNoTool('helm');
  if (noTool !== undefined) return noTool;
  const context = askKubectl(['config', 'current-context'])?.trim();
  if (context === undefined || context === '') return 'kubectl has no current context';
  // A person's current context may be production.
  if (!context.startsWith('kind-') && process.env['TEST_CLUSTER_CONTEXT'] !== context) {
    return `TEST_CLUSTER_CONTEXT=${context} must say that tests may make and delete namespaces in this context`;
  }
  if (askKubectl(['version']) === undefined) return `no API server answers in the context ${context}`;
  return whyNoClusterImages();
}

/** Why nobody measures what pods use, as an autoscaler needs it; for who knows that there is a cluster. */
export function whyNoPodMetrics(): string | undefined {
  const measured = askKubectl(['get', '--raw', '/apis/metrics.k8s.io/v1beta1/pods?limit=1']);
  return measured === undefined ? 'the cluster has no metrics-server' : undefined;
}

/** What kubectl writes, while tests are still being declared; `undefined` where it fails. */
export function askKubectl(args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('kubectl', ['--request-timeout=10s', ...args], {
    encoding: 'utf8',
    timeout: PROBE_TIMEOUT_MS,
  });
  return status === 0 ? stdout : undefined;
}

export interface CommandOptions {
  /** What it reads from its standard input. */
  readonly input?: string;
  readonly timeoutMs?: number;
}

/** What a command ended with. */
export interface Outcome {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

async function outcome(program: string, args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const { input, timeoutMs = COMMAND_TIMEOUT_MS } = options;
  const running = run(program, args, { timeout: timeoutMs, maxBuffer: MAX_OUTPUT_BYTES });
  running.child.stdin?.on('error', () => {}); // It ended without reading.
  running.child.stdin?.end(input ?? '');
  try {
    return { ok: true, ...(await running) };
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string };
    return { ok: false, stdout, stderr: stderr === '' ? message : stderr };
  }
}

function outputOf(command: string, { ok, stdout, stderr }: Outcome): string {
  if (!ok) throw new Error(`${command}: ${stderr}${stdout}`);
  return stdout;
}

/** Runs `kubectl …`, and tells how it ended. For what may fail. */
export async function tryKubectl(args: readonly string[], options?: CommandOptions): Promise<Outcome> {
  return outcome('kubectl', args, options);
}

/**
 * Runs `kubectl …`.
 *
 * @returns what it wrote to its standard output
 * @throws when it ends with another code than 0, with what it wrote
 */
export async function kubectl(args: readonly string[], options?: CommandOptions): Promise<string> {
  return outputOf(`kubectl ${args.join(' ')}`, await tryKubectl(args, options));
}

/** Runs `helm …`, and tells how it ended. */
export async function tryHelm(args: readonly string[], options?: CommandOptions): Promise<Outcome> {
  return outcome('helm', args, options);
}

/** Runs a script of bash in the repository, as documentation has it, and tells how it ended. */
export async function tryBash(script: string, options?: CommandOptions): Promise<Outcome> {
  // Where its input is a socket, bash would read a person's own set-up.
  return outcome('bash', ['--norc', '-euo', 'pipefail', '-c', script], options);
}

/** Objects as `kubectl apply` reads them. */
export function manifest(objects: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
}

export interface InstallOptions {
  readonly release?: string;
  /** Folder or reference of the chart. */
  readonly chart?: string;
  /** Further flags of `helm upgrade --install`. */
  readonly flags?: readonly string[];
}

/** A pod, as far as tests ask. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
  readonly status: {
    readonly phase: string;
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly containerStatuses?: readonly ContainerStatus[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
  };
}

export interface ContainerStatus {
  readonly name: string;
  readonly restartCount: number;
  readonly ready: boolean;
  readonly state: { readonly waiting?: { readonly reason: string } };
  readonly lastState: {
    readonly terminated?: { readonly reason: string; readonly exitCode: number; readonly message?: string };
  };
}

const isReady = ({ status }: Pod): boolean =>
  status.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True') ?? false;

/** Selects the pods of the service, of one release. */
export const servicePods = (release = 'hello-world'): string =>
  `app.kubernetes.io/instance=${release},app.kubernetes.io/component=service`;

/** A namespace of a test's own: `create`, and `delete` in `afterAll`. */
export class Namespace {
  private readonly dismissGuard: Dismiss;

  private constructor(readonly name: string) {
    this.dismissGuard = guardObjects(`namespace/${name}`);
  }

  /** A name, for a command that makes the namespace. */
  static reserve(suite: string): Namespace {
    return new Namespace(`hw-${suite}-${randomBytes(3).toString('hex')}`);
  }

  /** Pod Security `restricted` is enforced, as a platform does it; `baseline` where neighbours need more. */
  static async create(suite: string, labels: Readonly<Record<string, string>> = {}): Promise<Namespace> {
    const namespace = Namespace.reserve(suite);
    const restricted = Object.fromEntries(
      ['enforce', 'audit', 'warn'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
    );
    const metadata = { name: namespace.name, labels: { ...restricted, ...labels } };
    await kubectl(['create', '-f', '-'], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }),
    });
    return namespace;
  }

  /** Runs `kubectl …` in this namespace. */
  async kubectl(args: readonly string[], options?: CommandOptions): Promise<string> {
    return kubectl(['--namespace', this.name, ...args], options);
  }

  /** The same, for what may fail. */
  async tryKubectl(args: readonly string[], options?: CommandOptions): Promise<Outcome> {
    return tryKubectl(['--namespace', this.name, ...args], options);
  }

  async apply(...objects: readonly object[]): Promise<string> {
    return this.kubectl(['apply', '-f', '-'], { input: manifest(objects) });
  }

  /** Reads objects: `get<Pod>('pods', '-l', …)`. One that is named is a list of one. */
  async get<T = KubeObject>(...args: readonly string[]): Promise<T[]> {
    const found = JSON.parse(await this.kubectl(['get', ...args, '--output=json'])) as T | { readonly items: T[] };
    return (found as { items?: T[] }).items ?? [found as T];
  }

  /** Names of all objects in it, `kind.group/name`, but for those that record or measure. */
  async everything(): Promise<string[]> {
    const kinds = await kubectl(['api-resources', '--namespaced', '--verbs=list', '--output=name']);
    const lasting = kinds.split('\n').filter((kind) => kind !== '' && !/^events\b|\.metrics\.k8s\.io$/.test(kind));
    const names = await this.kubectl(['get', lasting.join(','), '--output=name']);
    return names.split('\n').filter(Boolean).toSorted();
  }

  /** Pods of the service that are not on their way out. */
  async servicePods(release?: string): Promise<Pod[]> {
    const pods = await this.get<Pod>('pods', '--selector', servicePods(release));
    return pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  }

  async readyPods(release?: string): Promise<Pod[]> {
    return (await this.servicePods(release)).filter(isReady);
  }

  /** Runs `helm …` in this namespace, and tells how it ended. */
  async tryHelm(args: readonly string[], options?: CommandOptions): Promise<Outcome> {
    return tryHelm(['--namespace', this.name, ...args], options);
  }

  /** `helm upgrade --install` with the image of this run, and waits. It may fail. */
  async tryInstall(values: Values = {}, options: InstallOptions = {}): Promise<Outcome> {
    const { release = 'hello-world', chart = CHART, flags = [] } = options;
    return this.tryHelm(
      ['upgrade', '--install', release, chart, '--values', '-', '--wait', '--timeout', HELM_TIMEOUT, ...flags],
      { input: JSON.stringify(over({ image: clusterImages().service }, values)) },
    );
  }

  /** The same. @throws when it fails, with what Helm and the pods have to say */
  async install(values?: Values, options?: InstallOptions): Promise<string> {
    const result = await this.tryInstall(values, options);
    if (!result.ok) throw new Error(`helm upgrade --install: ${result.stderr}\n${await this.complaints()}`);
    return result.stdout + result.stderr;
  }

  /** Events and pods, for a person who wonders. */
  async complaints(): Promise<string> {
    const pods = await this.tryKubectl(['get', 'pods', '--output=wide']);
    const events = await this.tryKubectl(['get', 'events', '--sort-by=.lastTimestamp']);
    return `${pods.stdout}\n${events.stdout.split('\n').slice(-30).join('\n')}`;
  }

  async delete(): Promise<void> {
    // What a test that failed has not stopped would keep Jest from ending.
    for (const { args, child } of followed) if (args.includes(this.name)) child.kill();
    await kubectl(['delete', 'namespace', this.name, '--ignore-not-found', '--wait']);
    this.dismissGuard();
  }
}

/** A command of kubectl that goes on. */
export interface Following {
  /** When it has ended, by itself or because it was stopped. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const followed = new Set<{ readonly args: readonly string[]; readonly child: ChildProcess }>();

/** Follows a command of kubectl that goes on, as `logs --follow` or `get --watch`, line by line. */
export function followKubectl(args: readonly string[], onLine: (line: string) => void): Following {
  const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'ignore'] });
  const entry = { args, child };
  followed.add(entry);
  child.once('close', () => followed.delete(entry));
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return {
    ended,
    async stop() {
      child.kill();
      await ended;
    },
  };
}
