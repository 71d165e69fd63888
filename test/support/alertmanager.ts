import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { freePort } from '../../scripts/local/ports.ts';
import { parseDuration } from '../../scripts/monitoring/scale-rules.ts';
import { answers, startProcess, type TestProcess } from './process.js';
import { whyNoTool } from './tools.js';

const SOURCE = join(import.meta.dirname, '../../monitoring/alertmanager');
const SECRETS = '/run/secrets';
const ANSWER_TIMEOUT_MS = 30_000;
/** The oldest minor version that knows all keys of the file. */
const LEAST_VERSION: readonly [number, number] = [0, 31];

/** What of a route matters here. */
interface Route {
  group_wait?: string;
  group_interval?: string;
  repeat_interval?: string;
  routes?: Route[];
}

interface TimeInterval {
  name: string;
  time_intervals: Record<string, unknown>[];
}

/** What of `alertmanager.yml` matters here. */
export interface AlertmanagerConfig {
  route: Route;
  time_intervals: TimeInterval[];
}

/** An alert as it is given to Alertmanager. */
export interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly startsAt?: string;
  readonly endsAt?: string;
  readonly generatorURL?: string;
}

/** An alert as Alertmanager shows it. */
export interface KnownAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly status: {
    readonly state: 'active' | 'suppressed' | 'unprocessed';
    readonly inhibitedBy: readonly string[];
    readonly mutedBy: readonly string[];
  };
}

/** Why a program of Alertmanager cannot be used here; `undefined` when it can. */
export function whyNot(program: 'alertmanager' | 'amtool'): string | undefined {
  const noTool = whyNoTool(program);
  if (noTool !== undefined) return noTool;
  const { stdout, stderr } = spawnSync(program, ['--version'], { encoding: 'utf8', timeout: ANSWER_TIMEOUT_MS });
  // One that Go built from its module knows nothing of its own version; only builds of a distribution are that old.
  const [, version, major, minor] = /version ((\d+)\.(\d+)[.\d]*)/.exec(stdout + stderr) ?? [];
  const [leastMajor, leastMinor] = LEAST_VERSION;
  const isOld = Number(major) < leastMajor || (Number(major) === leastMajor && Number(minor) < leastMinor);
  return isOld ? `${program} is ${version}, ${LEAST_VERSION.join('.')} is needed` : undefined;
}

/** `alertmanager.yml` as it is committed. */
export function alertmanagerConfig(): AlertmanagerConfig {
  return parse(readFileSync(join(SOURCE, 'alertmanager.yml'), 'utf8')) as AlertmanagerConfig;
}

/** The same routes, with all that they wait for shorter by a factor. */
export function inShort(route: Route, factor: number): Route {
  const shorter = (duration: string): string => `${Math.ceil(parseDuration(duration) / factor)}ms`;
  const { group_wait, group_interval, repeat_interval, routes } = route;
  return {
    ...route,
    ...(group_wait !== undefined && { group_wait: shorter(group_wait) }),
    ...(group_interval !== undefined && { group_interval: shorter(group_interval) }),
    ...(repeat_interval !== undefined && { repeat_interval: shorter(repeat_interval) }),
    ...(routes !== undefined && { routes: routes.map((each) => inShort(each, factor)) }),
  };
}

/** A real Alertmanager with a configuration of ours, its secrets in files. */
export class Alertmanager {
  private constructor(
    readonly url: string,
    private readonly folder: string,
    private readonly process: TestProcess,
  ) {}

  /** @param secrets contents of the files below `/run/secrets`, by name */
  static async start(config: AlertmanagerConfig, secrets: Readonly<Record<string, string>>): Promise<Alertmanager> {
    const folder = mkdtempSync(join(tmpdir(), 'alertmanager-'));
    cpSync(join(SOURCE, 'templates'), join(folder, 'templates'), { recursive: true });
    writeFileSync(join(folder, 'alertmanager.yml'), stringify(config).replaceAll(`${SECRETS}/`, `${folder}/`));
    const port = await freePort();
    const process = startProcess('alertmanager', [
      `--config.file=${folder}/alertmanager.yml`,
      `--storage.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.external-url=http://alertmanager.example',
      '--web.route-prefix=/',
      '--cluster.listen-address=',
    ]);
    const alertmanager = new Alertmanager(`http://127.0.0.1:${port}`, folder, process);
    for (const [name, content] of Object.entries(secrets)) alertmanager.writeSecret(name, content);
    try {
      await Promise.race([answers(`${alertmanager.url}/-/ready`), endedEarly(process)]);
      return alertmanager;
    } catch (error) {
      await alertmanager.stop();
      throw error;
    }
  }

  writeSecret(name: string, content: string): void {
    writeFileSync(join(this.folder, name), `${content}\n`);
  }

  /** Tells it of alerts, as Prometheus does. */
  async post(...alerts: readonly PostedAlert[]): Promise<void> {
    const response = await this.ask('/api/v2/alerts', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(alerts),
    });
    if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  }

  /** The alerts it knows of one namespace, as they are in their groups: only there is it known what is muted. */
  async alertsOf(namespace: string): Promise<KnownAlert[]> {
    const filter = encodeURIComponent(`namespace="${namespace}"`);
    const response = await this.ask(`/api/v2/alerts/groups?filter=${filter}`);
    const groups = (await response.json()) as { readonly alerts: KnownAlert[] }[];
    return groups.flatMap(({ alerts }) => alerts);
  }

  /** Its own metrics. */
  async metrics(): Promise<string> {
    return (await this.ask('/metrics')).text();
  }

  /** What it logged. */
  log(): string {
    return this.process.stdout() + this.process.stderr();
  }

  async stop(): Promise<void> {
    this.process.kill();
    await this.process.exit;
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async ask(path: string, request: RequestInit = {}): Promise<Response> {
    return fetch(this.url + path, { ...request, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  }
}

async function endedEarly(process: TestProcess): Promise<never> {
  await process.exit;
  throw new Error(`Alertmanager ended:\n${process.stdout()}${process.stderr()}`);
}
