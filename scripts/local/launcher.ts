import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, ensureBuild } from './build.ts';
import { type CheckoutLock, lockCheckout } from './checkout-lock.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres, stopLeftBehind } from './embedded-postgres.ts';
import { fileFailure } from './postgres-failure.ts';
import { endProcess } from './process-table.ts';
import { type Service, startService, waitUntilReady } from './service.ts';
import {
  addresses,
  type Environment,
  ensurePortsAreFree,
  hasDatabase,
  serviceEnvironment,
} from './service-environment.ts';
import { lastChange } from './sources.ts';
import { StartError, sentence } from './start-error.ts';
import { listenForStop, type StopSignals } from './stop-signals.ts';

const LEFT_BEHIND_WAIT_MS = 10_000;
/** Default of `SHUTDOWN_TIMEOUT_MS`, and how much later a service counts as hung. */
const SERVICE_SHUTDOWN_TIMEOUT_MS = 25_000;
const END_GRACE_MS = 3_000;
const WATCH_POLL_MS = 500;

export interface LaunchOptions {
  /** The checkout. */
  readonly root: string;
  /** Where the database and the launcher's own files are kept. */
  readonly dataFolder: string;
  /** The environment given from outside; it wins over the local defaults. */
  readonly outside: Environment;
  /** Build and start the service again whenever a source changes. */
  readonly watch: boolean;
  /** Tells the user one line. */
  readonly say: (line: string) => void;
}

/**
 * Runs the service on this machine with all it needs, until it ends or is asked to.
 *
 * @returns the exit code: the service's own, 0 when it was asked to stop before there was one
 * @throws StartError with one sentence for the user
 */
export async function launch(options: LaunchOptions): Promise<number> {
  const signals = listenForStop();
  let lock: CheckoutLock | undefined;
  try {
    mkdirSync(options.dataFolder, { recursive: true });
    lock = await lockCheckout(options.dataFolder);
    return await new Launcher(options, signals, lock).run();
  } catch (error) {
    if (signals.stop.aborted && error === signals.stop.reason) return 0;
    throw fileFailure(error, options.dataFolder);
  } finally {
    lock?.release();
    signals.release();
  }
}

class Launcher {
  readonly #options: LaunchOptions;
  readonly #signals: StopSignals;
  readonly #lock: CheckoutLock;
  /** The last change of a source that was built, or was tried to. */
  #seen = 0;

  constructor(options: LaunchOptions, signals: StopSignals, lock: CheckoutLock) {
    this.#options = options;
    this.#signals = signals;
    this.#lock = lock;
  }

  async run(): Promise<number> {
    const { root, outside, say } = this.#options;
    await this.#endLeftBehind();
    const environment = await serviceEnvironment(outside);
    await ensurePortsAreFree(environment);
    this.#seen = lastChange(root);
    await ensureBuild(root, this.#signals.stop, () => say('building …'));
    if (hasDatabase(outside)) return await this.#serve(environment);

    const postgres = await this.#startPostgres();
    try {
      return await this.#serve({ ...environment, DATABASE_URL: postgres.url }, postgres);
    } finally {
      await postgres.stop();
    }
  }

  /** A launcher that was killed could not clean up behind itself. */
  async #endLeftBehind(): Promise<void> {
    const { leftBehind } = this.#lock;
    if (leftBehind) {
      this.#options.say(`ending the service of a launcher that was killed (pid ${leftBehind.pid}) …`);
      await endProcess(leftBehind.pid, leftBehind.identity, [
        ['SIGTERM', LEFT_BEHIND_WAIT_MS],
        ['SIGKILL', LEFT_BEHIND_WAIT_MS],
      ]);
    }
    await stopLeftBehind(this.#postgresFolder());
  }

  async #startPostgres(): Promise<EmbeddedPostgres> {
    const { root, say } = this.#options;
    const dataFolder = this.#postgresFolder();
    const shown = dataFolder.startsWith(root) ? relative(root, dataFolder) : dataFolder;
    const postgres = await startEmbeddedPostgres({
      dataFolder,
      signal: this.#signals.stop,
      onCreate: () => say(`making a database in ${shown} …`),
    });
    say(`Postgres listens on 127.0.0.1:${postgres.port}, its data is in ${shown}`);
    return postgres;
  }

  #postgresFolder(): string {
    return join(this.#options.dataFolder, 'postgres');
  }

  /** Runs the service until it ends; when watching, again after each build. */
  async #serve(environment: Environment, postgres?: EmbeddedPostgres): Promise<number> {
    const { root, watch, say } = this.#options;
    const { stop } = this.#signals;
    const stopped = aborted(stop).then(() => 'stop' as const);
    const databaseGone = postgres ? [postgres.exited.then(() => 'database gone' as const)] : [];
    for (;;) {
      stop.throwIfAborted();
      const service = startService(root, environment);
      this.#lock.remember(service.pid);
      try {
        void this.#announce(service, environment).catch((error: unknown) => this.#options.say(sentence(error)));
        const outer = Promise.race([stopped, ...databaseGone, ...(watch ? [this.#rebuilt()] : [])]);
        const first = await Promise.race([outer, service.exited]);
        if (typeof first === 'number') say(`the service ended by itself with code ${first}`);
        if (typeof first === 'number' && !watch) return first;

        const event = await outer;
        const code = await this.#end(service);
        if (event === 'stop') return code;
        if (event === 'database gone') {
          say('Postgres ended by itself, so the service was stopped');
          return 1;
        }
      } finally {
        await this.#end(service);
      }
    }
  }

  /** Says when the service is ready, and where to look. */
  async #announce(service: Service, environment: Environment): Promise<void> {
    const { say } = this.#options;
    const { readiness, toTry } = addresses(environment);
    const over = new AbortController();
    void service.exited.then(() => over.abort());
    const signal = AbortSignal.any([over.signal, this.#signals.stop]);
    if (!(await waitUntilReady(readiness, (answer) => say(`not ready yet: ${answer}`), signal))) return;
    say('ready; try');
    for (const address of toTry) say(`  ${address}`);
    say('Ctrl-C stops it');
  }

  /** Waits for a change of the sources and a build that succeeds. */
  async #rebuilt(): Promise<'rebuilt'> {
    const { root, say } = this.#options;
    const { stop } = this.#signals;
    for (;;) {
      while (lastChange(root) === this.#seen) await sleep(WATCH_POLL_MS, undefined, { signal: stop });
      // What changes while it builds is another change.
      this.#seen = lastChange(root);
      say('a source changed, building …');
      try {
        await build(root, stop);
        return 'rebuilt';
      } catch (error) {
        if (!(error instanceof StartError)) throw error;
        say(sentence(error));
      }
    }
  }

  async #end(service: Service): Promise<number> {
    const { stop, kill } = this.#signals;
    const killNow = () => service.kill('SIGKILL');
    kill.addEventListener('abort', killNow);
    // One that hangs does not even keep its own deadline.
    const timeoutMs = Number(this.#options.outside['SHUTDOWN_TIMEOUT_MS']) || SERVICE_SHUTDOWN_TIMEOUT_MS;
    const late = setTimeout(killNow, timeoutMs + END_GRACE_MS);
    service.kill(kill.aborted ? 'SIGKILL' : stop.reason === 'SIGINT' ? 'SIGINT' : 'SIGTERM');
    const code = await service.exited;
    clearTimeout(late);
    kill.removeEventListener('abort', killNow);
    return code;
  }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}
