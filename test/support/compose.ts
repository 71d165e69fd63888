import { randomBytes, randomInt } from 'node:crypto';
import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { whyNotListen } from '../../scripts/local/ports.ts';
import { guardProject } from './compose-guard.js';
import { type Profile, serviceImage } from './compose-images.js';
import { docker } from './docker.js';
import { ROOT } from './launcher.js';

const START_TIMEOUT_S = 240;
/** More than it is given to start. */
const COMMAND_TIMEOUT_MS = 300_000;
const STOP_TIMEOUT_S = 10;

const PORTS = {
  'hello-world': 'HELLO_WORLD_PORT',
  db: 'DB_PORT',
  prometheus: 'PROMETHEUS_PORT',
  alertmanager: 'ALERTMANAGER_PORT',
  'alert-sink': 'ALERT_SINK_PORT',
  jaeger: 'JAEGER_PORT',
  grafana: 'GRAFANA_PORT',
} as const;
const SPARE = 'spare';

/** A service of docker-compose.yml that has a port of this machine. */
export type PublishedService = keyof typeof PORTS;

export interface ComposeOptions {
  readonly profile: Profile;
  /** Further Compose files, relative to the repository. */
  readonly files?: readonly string[];
  /** Variables of the Compose files; what is not here comes from the test's environment. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One container, as `docker inspect` shows it. */
export interface ContainerState {
  readonly service: string;
  readonly state: string;
  /** Empty where there is no health check. */
  readonly health: string;
  readonly exitCode: number;
}

/** The local platform under a name and on ports of a test's own: `create`, `up`, and `down` in `afterAll`. */
export class ComposeProject {
  private readonly dismissGuard: () => void;
  private options: ComposeOptions = { profile: 'core' };

  private constructor(
    readonly name: string,
    /** For files that this project's containers read; goes with it. */
    readonly folder: string,
    private readonly ports: Readonly<Record<string, number>>,
  ) {
    this.dismissGuard = guardProject(name, folder);
  }

  static async create(suite: string): Promise<ComposeProject> {
    const folder = mkdtempSync(join(tmpdir(), `hello-world-${suite}-`));
    chmodSync(folder, 0o755); // Containers have users of their own.
    return new ComposeProject(`hello-world-${suite}-${randomBytes(4).toString('hex')}`, folder, await freePorts());
  }

  /** Copies a folder of the repository, for the test to change, and makes it readable for all. @returns its path */
  copyOf(path: string): string {
    const copy = join(this.folder, basename(path));
    cpSync(join(ROOT, path), copy, { recursive: true });
    for (const name of ['.', ...readdirSync(copy, { recursive: true, encoding: 'utf8' })]) {
      const entry = join(copy, name);
      chmodSync(entry, statSync(entry).isDirectory() ? 0o755 : 0o644);
    }
    return copy;
  }

  /**
   * Starts it and waits until all of it is well.
   *
   * @throws when it does not become so, with what the containers that are not have to say
   */
  async up(options: ComposeOptions): Promise<void> {
    this.options = options;
    try {
      await this.compose('up', '--detach', '--no-build', '--wait', `--wait-timeout=${START_TIMEOUT_S}`);
    } catch (cause) {
      throw new Error(`${this.name} did not start\n${await this.complaints()}`, { cause });
    }
  }

  /** Runs `docker compose …` on it. @returns what it writes to its standard output */
  async compose(...args: readonly string[]): Promise<string> {
    const { profile, files = [] } = this.options;
    const fileFlags = ['docker-compose.yml', ...files].flatMap((file) => ['--file', file]);
    const flags = ['compose', '--progress=quiet', '--project-name', this.name, '--profile', profile, ...fileFlags];
    return docker([...flags, ...args], { env: this.environment(), timeoutMs: COMMAND_TIMEOUT_MS });
  }

  /** Base URL of a service, as seen from this machine. */
  url(service: PublishedService): string {
    return `http://127.0.0.1:${this.port(service)}`;
  }

  port(service: PublishedService): number {
    return this.ports[service] ?? 0;
  }

  /** A port that none of these has, for a service that a further Compose file adds. */
  get sparePort(): number {
    return this.ports[SPARE] ?? 0;
  }

  /** Runs a program in the container of a service. @returns what it writes to its standard output */
  async exec(service: string, ...command: readonly string[]): Promise<string> {
    return this.compose('exec', '-T', service, ...command);
  }

  async kill(service: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.compose('kill', '--signal', signal, service);
  }

  /** Starts again what was killed or stopped. */
  async start(service: string): Promise<void> {
    await this.compose('start', service);
  }

  /** In order, within its grace period. */
  async stop(service: string): Promise<void> {
    await this.compose('stop', service);
  }

  async logs(service: string): Promise<string> {
    return this.compose('logs', '--no-color', '--no-log-prefix', service);
  }

  async containers(): Promise<ContainerState[]> {
    return (await this.inspect()).map(({ Config, State }) => ({
      service: Config.Labels['com.docker.compose.service'] ?? '',
      state: State.Status,
      health: State.Health?.Status ?? '',
      exitCode: State.ExitCode,
    }));
  }

  /** What `docker inspect` says of every container of it. */
  async inspect(): Promise<InspectedContainer[]> {
    const ids = (await this.compose('ps', '--all', '--quiet')).split('\n').filter(Boolean);
    if (ids.length === 0) return [];
    return JSON.parse(await docker(['inspect', ...ids])) as InspectedContainer[];
  }

  /**
   * Of each container, which one it is and when it started: another text where it was restarted or made anew, whoever
   * did it. (`RestartCount` tells of restart policies only.)
   */
  async starts(): Promise<Readonly<Record<string, string>>> {
    const starts = (await this.inspect()).map(({ Id, Config, State }) => [
      Config.Labels['com.docker.compose.service'] ?? '',
      `${Id} at ${State.StartedAt}`,
    ]);
    return Object.fromEntries(starts) as Record<string, string>;
  }

  /** Whatever Docker still has under its name, by id; `''` when there is nothing. */
  async leftBehind(): Promise<string> {
    const filter = `label=com.docker.compose.project=${this.name}`;
    const lists = [
      ['ps', '--all'],
      ['volume', 'ls'],
      ['network', 'ls'],
    ].map(async (list) => docker([...list, '--quiet', '--filter', filter]));
    return (await Promise.all(lists)).join('');
  }

  /** Takes all of it away: containers, volumes, networks and the folder. */
  async down(): Promise<void> {
    await this.compose('down', '--volumes', '--remove-orphans', `--timeout=${STOP_TIMEOUT_S}`);
    rmSync(this.folder, { recursive: true, force: true });
    this.dismissGuard();
  }

  /** The last lines of every container that is neither healthy nor done. */
  private async complaints(): Promise<string> {
    const isWell = ({ state, health, exitCode }: ContainerState) =>
      state === 'running' ? health === '' || health === 'healthy' : exitCode === 0 && state === 'exited';
    const unwell = (await this.containers()).filter((container) => !isWell(container));
    const texts = unwell.map(async ({ service, state, health, exitCode }) => {
      const logs = await this.compose('logs', '--no-color', '--tail=30', service).catch(String);
      return `${service} is ${state} ${health} (exit code ${exitCode}):\n${logs}`;
    });
    return (await Promise.all(texts)).join('\n');
  }

  private environment(): NodeJS.ProcessEnv {
    const { env } = this.options;
    const ports = Object.entries(PORTS).map(([service, variable]) => [variable, String(this.ports[service])]);
    return { ...process.env, ...Object.fromEntries(ports), HELLO_WORLD_IMAGE: serviceImage(), ...env };
  }
}

/**
 * One for each service and one to spare, in a row, below those that systems give to outgoing connections and engines to containers: so
 * that until the platform starts, and while a part of it is down, nobody else is given one of them.
 */
async function freePorts(): Promise<Readonly<Record<string, number>>> {
  const first = randomInt(20_000, 32_000);
  const ports = [...Object.keys(PORTS), SPARE].map((service, index) => [service, first + index] as const);
  const taken = await Promise.all(ports.map(async ([, port]) => whyNotListen(port, '127.0.0.1')));
  return taken.every((reason) => reason === undefined) ? Object.fromEntries(ports) : freePorts();
}

/** The part of `docker inspect` that tests look at. */
export interface InspectedContainer {
  readonly Id: string;
  readonly Image: string;
  readonly Args: readonly string[];
  readonly Config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly State: {
    readonly Status: string;
    readonly ExitCode: number;
    readonly StartedAt: string;
    readonly OOMKilled: boolean;
    readonly Health?: { readonly Status: string };
  };
  readonly HostConfig: {
    readonly Memory: number;
    readonly PidsLimit: number | null;
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: readonly string[] | null;
    readonly SecurityOpt: readonly string[] | null;
    readonly Privileged: boolean;
    readonly PortBindings: Readonly<Record<string, readonly { readonly HostIp: string }[] | null>> | null;
  };
}
