import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf } from './process-table.ts';
import { StartError } from './start-error.ts';

const STATE_FILE = 'launcher.json';
const SQLITE_BUSY = 5;
const HOLDER_POLL_MS = 50;
const HOLDER_POLLS = 20;

/** A process, by what tells it from a later one of the same pid. */
export interface KnownProcess {
  readonly pid: number;
  readonly identity: string;
}

/** What a launcher writes down for the one that comes after it. */
export interface LauncherState {
  readonly launcher?: KnownProcess;
  readonly service?: KnownProcess;
}

export interface CheckoutLock {
  /** The service of a launcher that was killed, if it still runs. */
  readonly leftBehind: KnownProcess | undefined;
  /** Writes down which service runs, so that the next launcher can end it if this one is killed. */
  remember(servicePid: number): void;
  release(): void;
}

/**
 * Makes sure that one launcher works on a data folder at a time.
 *
 * The lock is the kernel's, on a file that SQLite holds open: it ends with the process however that ends, and two
 * that start at the same moment cannot both get it. The file itself stays.
 *
 * @throws StartError when another launcher holds it
 */
export async function lockCheckout(folder: string): Promise<CheckoutLock> {
  const lock = takeLock(join(folder, 'launcher.lock'));
  if (lock === undefined) throw new StartError(await alreadyRunning(folder));

  const { service } = readState(folder);
  const launcher = known(process.pid);
  writeState(folder, { launcher, ...(service && { service }) });
  return {
    leftBehind: service && identityOf(service.pid) === service.identity ? service : undefined,
    remember: (servicePid) => writeState(folder, { launcher, service: known(servicePid) }),
    release() {
      rmSync(join(folder, STATE_FILE), { force: true });
      lock.close();
    },
  };
}

/** `undefined`: somebody else holds it. */
function takeLock(file: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw new StartError(`${file} cannot be locked (${(error as Error).message}): may this user write there?`);
  }
}

async function alreadyRunning(folder: string): Promise<string> {
  // The other one writes its pid a moment after it took the lock.
  for (let poll = 0; poll < HOLDER_POLLS; poll++) {
    const holder = readState(folder).launcher;
    if (holder && identityOf(holder.pid) === holder.identity) {
      return `It is already running from this folder (pid ${holder.pid}): use that one, or stop it first.`;
    }
    await sleep(HOLDER_POLL_MS);
  }
  return 'It is already running from this folder: use that one, or stop it first.';
}

function known(pid: number): KnownProcess {
  return { pid, identity: identityOf(pid) ?? '' };
}

/** What runs on a data folder, or ran when its launcher was killed. */
export function readState(folder: string): LauncherState {
  try {
    const { launcher, service } = JSON.parse(readFileSync(join(folder, STATE_FILE), 'utf8')) as Record<string, unknown>;
    return { ...(isKnown(launcher) && { launcher }), ...(isKnown(service) && { service }) };
  } catch {
    return {}; // None, or one that a full disk cut off: nothing is known.
  }
}

/** Anything may lie in that file, and a signal to the pid 0 or -1 is one to many processes. */
function isKnown(value: unknown): value is KnownProcess {
  const { pid, identity } = (value ?? {}) as Record<keyof KnownProcess, unknown>;
  return Number.isInteger(pid) && Number(pid) > 0 && typeof identity === 'string' && identity !== '';
}

function writeState(folder: string, state: LauncherState): void {
  const file = join(folder, STATE_FILE);
  const half = `${file}.new`;
  writeFileSync(half, JSON.stringify(state));
  renameSync(half, file);
}
