import { randomUUID } from 'node:crypto';
import { docker } from '../support/docker.js';
import { eventually } from '../support/eventually.js';
import type { LogLine } from '../support/memory-log.js';
import { endProcesses, startProcess, type TestProcess } from '../support/process.js';
import { IMAGE, NODE } from './image.js';

const HEALTH_TIMEOUT_MS = 60_000;

const started = new Set<string>();

export interface ContainerOptions {
  /** Further flags of `docker run`. */
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What the entry point is told in place of the image's own command. */
  readonly args?: readonly string[];
}

export interface HealthCheck {
  readonly Start: string;
  readonly ExitCode: number;
  readonly Output: string;
}

export interface State {
  readonly Running: boolean;
  readonly OOMKilled: boolean;
  readonly Health?: { readonly Status: string; readonly Log: readonly HealthCheck[] };
}

/** A container of the image, in the foreground: its output and its exit code are those of the process. */
export interface Container extends TestProcess {
  readonly name: string;
  /** Waits until the service listens. @returns the base URL at which it answers here */
  url(): Promise<string>;
  /** The lines on its standard output so far, parsed: a line that is not JSON is an error. */
  lines(): LogLine[];
  state(): Promise<State>;
  /** Waits until the image's own health check has spoken. */
  health(status: 'healthy' | 'unhealthy'): Promise<void>;
  /** Runs Node once more, beside the service. @returns what it wrote */
  exec(...args: readonly string[]): Promise<string>;
  signal(name: NodeJS.Signals): Promise<void>;
}

/** Starts a container. It goes with `removeContainers()` at the latest, or with the test process. */
export function startContainer({ flags = [], env = {}, args = [] }: ContainerOptions = {}): Container {
  const name = `hello-world-image-test-${randomUUID()}`;
  started.add(name);
  const variables = Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]);
  const child = startProcess(
    'docker',
    ['run', '--rm', '--name', name, '--publish', '127.0.0.1::8080', ...flags, ...variables, IMAGE, ...args],
    { env: process.env },
  );
  const state = async (): Promise<State> =>
    JSON.parse(await docker(['inspect', '--format', '{{json .State}}', name])) as State;

  return {
    ...child,
    name,
    async url() {
      const [, port = ''] = await child.output(/"port":(\d+).*"msg":"listening"/);
      const published = await docker(['port', name, `${port}/tcp`]).catch(() => `127.0.0.1:${port}`);
      return `http://${published.trim()}`;
    },
    lines: () =>
      child
        .stdout()
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as LogLine),
    state,
    async health(status) {
      const current = async (): Promise<State | undefined> => state().catch(() => undefined); // Not there yet.
      await eventually(
        `${name} is ${status}`,
        async () => (await current())?.Health?.Status === status,
        HEALTH_TIMEOUT_MS,
      );
    },
    exec: (...command) => docker(['exec', name, NODE, ...command]),
    signal: async (signal) => void (await docker(['kill', '--signal', signal, name])),
  };
}

/** Runs the image until it ends. */
export async function runContainer(options: ContainerOptions): Promise<Container & { readonly code: number | null }> {
  const container = startContainer(options);
  const { code } = await container.exit;
  return { ...container, code };
}

/** For `afterEach`: leaves no container behind. */
export async function removeContainers(): Promise<void> {
  const names = [...started];
  started.clear();
  if (names.length > 0) await docker(['rm', '--force', '--volumes', ...names]);
  await endProcesses();
}
