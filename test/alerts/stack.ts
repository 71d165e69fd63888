import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ComposeProject } from '../support/compose.js';
import { serviceImage } from '../support/compose-images.js';
import { docker } from '../support/docker.js';
import { answers } from '../support/process.js';
import { deriveMonitoring, type EnvironmentName, writeEnvironment } from './derived-config.js';
import { patiently } from './patiently.js';
import { PrometheusApi } from './prometheus-api.js';
import { AlertSink } from './sink.js';
import { Traffic } from './traffic.js';

const OVERRIDE = 'test/alerts/docker-compose.alerts.yml';
const START_TIMEOUT_MS = 60_000;

/** The instances of the service, by their names in Compose. */
export const INSTANCES = ['hello-world', 'hello-world-2'] as const;
export type Instance = (typeof INSTANCES)[number];

/** What faults/faults.mjs knows. */
export interface Faults {
  readonly slowMs?: number;
  readonly slowShare?: number;
  readonly failingStatus?: number;
  readonly failingShare?: number;
  readonly blockMs?: number;
  readonly memoryShare?: number;
  readonly failingScrape?: boolean;
  readonly holdPool?: boolean;
}

/** What makes the second instance another release than the first. */
export interface Release {
  readonly version?: string;
  /** Name of a migration that only this release has. */
  readonly migration?: string;
}

/** What of the image is mounted or set anew, as it is in there. */
interface ImageParts {
  readonly buildInfo: string;
  readonly migrations: string;
  readonly nodeOptions: string;
}

/** The local platform with two instances of the service, shortened windows, and traffic. */
export class AlertsStack {
  readonly prometheus: PrometheusApi;
  readonly sink: AlertSink;
  readonly traffic: Traffic;

  private constructor(
    private readonly project: ComposeProject,
    private readonly image: ImageParts,
  ) {
    this.prometheus = new PrometheusApi(project.url('prometheus'));
    this.sink = new AlertSink(project.url('alert-sink'));
    this.traffic = new Traffic(INSTANCES.map((instance) => this.urlOf(instance)));
  }

  /** Starts it, and waits until all of it is well. */
  static async start(): Promise<AlertsStack> {
    const project = await ComposeProject.create('alerts');
    const image = {
      buildInfo: await readFromImage('/app/dist/build-info.json'),
      migrations: await readFromImage('/app/dist/migrations/index.js'),
      nodeOptions: await nodeOptionsOfImage(),
    };
    const stack = new AlertsStack(project, image);
    try {
      await stack.up();
      return stack;
    } catch (error) {
      await stack.stop();
      throw error;
    }
  }

  urlOf(instance: Instance): string {
    return instance === 'hello-world' ? this.project.url(instance) : `http://127.0.0.1:${this.project.sparePort}`;
  }

  /** Runs `docker compose …` on it. */
  async compose(...args: readonly string[]): Promise<string> {
    return this.project.compose(...args);
  }

  /** What instances shall suffer from; `{}` heals them. */
  inject(faults: Faults, instances: readonly Instance[] = INSTANCES): void {
    for (const instance of instances) this.write(`faults/${instance}/faults.json`, JSON.stringify(faults));
  }

  /** Edits the flags file, as a person would. */
  setFlags({ metrics = true, tracing = false }: { readonly metrics?: boolean; readonly tracing?: boolean }): void {
    const flag = (on: boolean) => ({
      state: 'ENABLED',
      variants: { on: true, off: false },
      defaultVariant: on ? 'on' : 'off',
    });
    const content = { flags: { metrics_enabled: flag(metrics), tracing_enabled: flag(tracing) } };
    this.write('flags/flags.flagd.json', JSON.stringify(content));
  }

  /** Starts the second instance anew as another release; `{}`: as the image's own again. */
  async deploy({ version, migration }: Release): Promise<void> {
    const info = JSON.parse(this.image.buildInfo) as object;
    const added = migration === undefined ? '' : `\nmigrations.push(class ${migration} {});\n`;
    // In place: the files themselves are mounted.
    writeFileSync(this.path('release/build-info.json'), JSON.stringify({ ...info, ...(version && { version }) }));
    writeFileSync(this.path('release/migrations.js'), this.image.migrations + added);
    await this.restart('hello-world-2');
  }

  /** Ends an instance in order and starts it again. */
  async restart(instance: Instance): Promise<void> {
    await this.compose('restart', instance);
    await answers(`${this.urlOf(instance)}/livez`, 200, START_TIMEOUT_MS);
  }

  /** Starts what a test that failed has left ended, and waits until all of it is well. */
  async revive(): Promise<void> {
    await this.compose('start', 'db', 'flagd', 'otel-collector', ...INSTANCES);
    for (const instance of INSTANCES) await this.isReady(instance);
    await this.areScraped();
  }

  /** Waits until an instance wants traffic. */
  async isReady(instance: Instance): Promise<void> {
    await answers(`${this.urlOf(instance)}/readyz`, 200, START_TIMEOUT_MS);
  }

  /** Waits until Prometheus has scraped an instance since it last started. */
  async isScraped(instance: Instance): Promise<void> {
    const metrics = await answers(`${this.urlOf(instance)}/metrics`);
    const startedAt = Number(/^process_start_time_seconds (\S+)$/m.exec(metrics)?.[1]);
    const scraped = async () => (await this.prometheus.query(`process_start_time_seconds == ${startedAt}`)).length > 0;
    await patiently(`${instance} is scraped`, scraped, START_TIMEOUT_MS);
  }

  /**
   * What the alerts' label `environment` says from now on. By a restart: when its configuration is reloaded, Prometheus
   * keeps the rules that have not changed, and with them the external labels that they had.
   */
  async setEnvironment(environment: EnvironmentName): Promise<void> {
    writeEnvironment(this.path('monitoring'), environment);
    await this.compose('restart', 'prometheus');
    await this.areScraped();
    const evaluated = async () => (await this.prometheus.alertRules()).every(({ health }) => health === 'ok');
    await patiently('all rules are evaluated', evaluated, START_TIMEOUT_MS);
  }

  /** Takes all of it away, volumes included. */
  async stop(): Promise<void> {
    this.traffic.end();
    await this.project.down();
  }

  private async up(): Promise<void> {
    deriveMonitoring(this.project.copyOf('monitoring'));
    this.project.copyOf('deploy/flags');
    mkdirSync(this.path('release'));
    writeFileSync(this.path('release/build-info.json'), this.image.buildInfo);
    writeFileSync(this.path('release/migrations.js'), this.image.migrations);
    for (const instance of INSTANCES) mkdirSync(this.path(`faults/${instance}`), { recursive: true });
    this.inject({});
    const env = {
      HELLO_WORLD_2_PORT: String(this.project.sparePort),
      MONITORING_DIR: this.path('monitoring'),
      FLAGS_DIR: this.path('flags'),
      ALERTS_DIR: this.project.folder,
      IMAGE_NODE_OPTIONS: this.image.nodeOptions,
    };
    await this.project.up({ profile: 'headless', files: [OVERRIDE], env });
    for (const instance of INSTANCES) await this.isReady(instance);
    await this.areScraped();
  }

  private async areScraped(): Promise<void> {
    const up = () => this.prometheus.value('sum(up{job="hello-world"})').catch(() => undefined);
    await patiently('Prometheus scrapes both', async () => (await up()) === INSTANCES.length, START_TIMEOUT_MS);
  }

  /** At once, as a whole: nobody reads half a file. */
  private write(name: string, content: string): void {
    writeFileSync(this.path(`${name}.new`), content);
    renameSync(this.path(`${name}.new`), this.path(name));
  }

  private path(name: string): string {
    return join(this.project.folder, name);
  }
}

/** The image has no shell and no `cat`, but Node. */
async function readFromImage(path: string): Promise<string> {
  const print = `process.stdout.write(require('node:fs').readFileSync(${JSON.stringify(path)}))`;
  return docker(['run', '--rm', '--network=none', serviceImage(), '--eval', print]);
}

async function nodeOptionsOfImage(): Promise<string> {
  const variables = await docker(['image', 'inspect', '--format={{json .Config.Env}}', serviceImage()]);
  const prefix = 'NODE_OPTIONS=';
  const option = (JSON.parse(variables) as string[]).find((variable) => variable.startsWith(prefix));
  return option?.slice(prefix.length) ?? '';
}
