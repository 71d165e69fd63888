import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { freePort } from './ports.ts';
import { type PostgresAccount, postgresAccount } from './postgres-account.ts';
import { type PostgresBinaries, postgresBinaries } from './postgres-binaries.ts';
import { createDataFolder, PASSWORD_FILE, postgresEnvironment, SUPERUSER } from './postgres-data-folder.ts';
import { brokenFolder, fileFailure, isPassing, postgresFailure } from './postgres-failure.ts';
import { commandLineOf, endProcess, identityOf, type Step } from './process-table.ts';
import { StartError } from './start-error.ts';

/** The database that the service uses. */
const DATABASE = 'hello_world';

const ATTEMPTS = 10;
const ATTEMPT_PAUSE_MS = 200;
const CONNECT_TIMEOUT_MS = 10_000;
const LOG_KEPT_CHARACTERS = 16_384;
const READY = 'database system is ready to accept connections';

/** Postgres' own steps: a fast shutdown, an immediate one, and what no process survives. */
const STOP_STEPS: readonly Step[] = [
  ['SIGINT', 20_000],
  ['SIGQUIT', 5_000],
  ['SIGKILL', 5_000],
];

export interface EmbeddedPostgresOptions {
  /** Where the data is kept between runs; made at the first start. Its parent may hold nothing of the same name. */
  readonly dataFolder: string;
  /** @default a free one */
  readonly port?: number;
  /** Server settings beyond the defaults, as in `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called before the folder is first made, which takes a moment. */
  readonly onCreate?: () => void;
  /** Gives up the start, leaving nothing behind. */
  readonly signal?: AbortSignal;
}

export interface EmbeddedPostgres {
  /** Of the service's database, as its superuser, with the password. */
  readonly url: string;
  readonly port: number;
  /** Of the server's main process. */
  readonly pid: number;
  /** Settles when the server ends, whoever ended it. */
  readonly exited: Promise<void>;
  /** Ends the sessions and the server, and returns when it is gone. */
  stop(): Promise<void>;
  /** Lets this process end while the server runs. */
  unref(): void;
}

/**
 * Starts a real Postgres on the loopback address, as a process group of its own: a Ctrl-C on the terminal must reach
 * the one who stops it in order, not the server.
 *
 * A server that was left running on the same folder by a killed process is stopped first.
 *
 * @throws StartError with one sentence for the user
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const binaries = await postgresBinaries();
  const dataFolder = absolute(options.dataFolder);
  await stopLeftBehind(dataFolder);
  const account = postgresAccount(dataFolder);
  await createDataFolder({ dataFolder, binaries, account, signal: options.signal, onCreate: options.onCreate });
  const password = readPassword(dataFolder);
  const { child, port } = await startServer({ ...options, dataFolder }, binaries, account);
  const server = serverOf(child, port, password);
  try {
    await ensureDatabase(server, dataFolder);
    options.signal?.throwIfAborted();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** Stops the server that a killed process left running on this data folder, if there is one. */
export async function stopLeftBehind(folder: string): Promise<void> {
  const dataFolder = absolute(folder);
  const lockFile = join(dataFolder, 'postmaster.pid');
  const [pidText, itsFolder] = readLockFile(lockFile, dataFolder);
  if (pidText === undefined) return;
  const pid = Number(pidText);
  const identity = pid > 0 ? identityOf(pid) : undefined;
  // Postgres itself knows what to do about the lock file of a server that is gone.
  if (pid > 0 && identity === undefined) return;
  if (identity === undefined || !commandLineOf(pid)?.includes(`-D ${itsFolder} `)) {
    // Unreadable, or the pid is another program's by now, which would stop Postgres from starting.
    rmSync(lockFile, { force: true });
    return;
  }
  if (itsFolder !== dataFolder) {
    throw new StartError(
      `${dataFolder} was copied or moved from ${itsFolder} while the Postgres with pid ${pid} used it: ` +
        `stop that one if it was moved, or delete ${dataFolder} to start afresh.`,
    );
  }
  if (!(await endProcess(pid, identity, [['SIGCONT', 0], ...STOP_STEPS]))) {
    throw new StartError(`The Postgres with pid ${pid} still uses ${dataFolder} and does not end: end it yourself.`);
  }
}

/** Two paths to one folder must give one name, by which a server is recognised. */
function absolute(folder: string): string {
  try {
    mkdirSync(dirname(folder), { recursive: true });
    return join(realpathSync(dirname(folder)), basename(folder));
  } catch (error) {
    throw fileFailure(error, folder);
  }
}

function readLockFile(lockFile: string, dataFolder: string): string[] {
  const content = readIfThere(lockFile, dataFolder);
  return content === undefined ? [] : content.split('\n');
}

function readPassword(dataFolder: string): string {
  const password = readIfThere(join(dataFolder, PASSWORD_FILE), dataFolder)?.trim();
  if (!password) throw brokenFolder(dataFolder, `${PASSWORD_FILE} is missing`);
  return password;
}

function readIfThere(file: string, dataFolder: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileFailure(error, dataFolder);
  }
}

interface Started {
  readonly child: ChildProcess;
  readonly port: number;
}

/** Starts the server, again where the failure is one that passes. */
async function startServer(
  options: EmbeddedPostgresOptions,
  { postgres }: PostgresBinaries,
  account: PostgresAccount,
): Promise<Started> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await freePort());
    const settings = { listen_addresses: '127.0.0.1', unix_socket_directories: '', ...options.settings };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const [program, args] = account.command(postgres, ['-D', options.dataFolder, '-p', String(port), ...flags]);
    const child = spawn(program, args, {
      cwd: dirname(options.dataFolder),
      env: postgresEnvironment(),
      stdio: ['ignore', 'ignore', 'pipe'],
      detached: true,
    });
    const failure = await failureToStart(child, options.signal);
    if (failure === undefined) return { child, port };
    options.signal?.throwIfAborted();
    if (!isPassing(failure) || attempt === ATTEMPTS) throw postgresFailure(failure, options.dataFolder);
    await sleep(ATTEMPT_PAUSE_MS);
  }
}

/** Waits until the server accepts connections; what it wrote when it ended instead. */
async function failureToStart(child: ChildProcess, signal: AbortSignal | undefined): Promise<string | undefined> {
  const giveUp = () => child.kill('SIGINT');
  signal?.addEventListener('abort', giveUp);
  try {
    return await new Promise((resolve) => {
      let log = '';
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
        log = (log + chunk).slice(-LOG_KEPT_CHARACTERS);
        if (log.includes(READY)) resolve(undefined);
      });
      child.once('error', (error) => resolve(error.message));
      child.once('close', () => resolve(log));
    });
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}

function serverOf(child: ChildProcess, port: number, password: string): EmbeddedPostgres {
  const pid = child.pid ?? 0;
  const identity = identityOf(pid) ?? '';
  const exited =
    child.exitCode === null && child.signalCode === null ? once(child, 'exit').then(() => {}) : Promise.resolve();
  return {
    url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${DATABASE}`,
    port,
    pid,
    exited,
    async stop() {
      child.ref();
      await endProcess(pid, identity, STOP_STEPS);
      await exited;
    },
    unref() {
      child.unref();
      // A socket underneath, but the type of a stream.
      (child.stderr as Socket | null)?.unref();
    },
  };
}

async function ensureDatabase(server: EmbeddedPostgres, dataFolder: string): Promise<void> {
  const url = new URL(server.url);
  url.pathname = '/postgres';
  const client = new pg.Client({ connectionString: url.href, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  client.on('error', () => {}); // The query below fails as well, and says why.
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } catch (error) {
    throw postgresFailure((error as Error).message, dataFolder);
  } finally {
    await client.end();
  }
}
