import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf } from './process-table.ts';
import { StartError } from './start-error.ts';

const SQLITE_BUSY = 5;
const HOLDER_POLL_MS = 50;
const HOLDER_POLLS = 20;

/** A process, by what tells it from a later one of the same pid. */
export interface KnownProcess {
  readonly pid: number;
  readonly identity: string;
}

/** What a launcher writes down for the one that comes after it. */
interface LauncherState {
  readonly launcher: KnownProcess;
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
  const stateFile = join(folder, 'launcher.json');
  const lock = takeLock(join(folder, 'launcher.lock'));
  if (lock === undefined) throw new StartError(await alreadyRunning(stateFile));

  const service = readState(stateFile)?.service;
  const launcher = known(process.pid);
  writeState(stateFile, { launcher, ...(service && { service }) });
  return {
    leftBehind: service && identityOf(service.pid) === service.identity ? service : undefined,
    remember: (servicePid) => writeState(stateFile, { launcher, service: known(servicePid) }),
    release() {
      rmSync(stateFile, { force: true });
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

async function alreadyRunning(stateFile: string): Promise<string> {
  // The other one writes its pid a moment after it took the lock.
  for (let poll = 0; poll < HOLDER_POLLS; poll++) {
    const holder = readState(stateFile)?.launcher;
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

function readState(file: string): LauncherState | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as LauncherState;
  } catch {
    return undefined; // None, or one that a full disk cut off: nothing is known.
  }
}

function writeState(file: string, state: LauncherState): void {
  const half = `${file}.new`;
  writeFileSync(half, JSON.stringify(state));
  renameSync(half, file);
}
