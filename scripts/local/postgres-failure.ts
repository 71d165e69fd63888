import { StartError } from './start-error.ts';

/** Failures that pass by themselves: a port that was just taken, and the last moments of a server that was killed. */
const PASSING =
  /could not bind|address already in use|pre-existing shared memory block|lock file "\S+" already exists/i;

const FULL_DISK = /No space left on device|Disk quota exceeded|Check free disk space/;
/** The program itself, or `setpriv` in front of it, did not start. */
const CANNOT_RUN = /setpriv|error while loading shared libraries|Library not loaded|ENOENT/;

/** Whether the same attempt may well succeed a moment later. */
export function isPassing(log: string): boolean {
  return PASSING.test(log);
}

/** Makes one sentence of what `initdb` wrote before it gave up; there is no data to delete then. */
export function initdbFailure(log: string, dataFolder: string): StartError {
  if (FULL_DISK.test(log) || CANNOT_RUN.test(log)) return postgresFailure(log, dataFolder);
  return new StartError(`The data folder ${dataFolder} cannot be made (${firstLine(log)}).`);
}

/** Makes one sentence of what `postgres` wrote before it gave up. */
export function postgresFailure(log: string, dataFolder: string): StartError {
  const fromAfresh = `Delete ${dataFolder} to start afresh.`;
  if (FULL_DISK.test(log)) return fullDisk(dataFolder);
  if (log.includes('setpriv')) {
    return new StartError(
      `Root cannot run Postgres as another user here (${firstLine(log)}): start this as an ordinary user.`,
    );
  }
  if (CANNOT_RUN.test(log)) {
    return new StartError(
      `Postgres does not run on this machine (${firstLine(log)}): run "npm ci" again, with install scripts allowed, ` +
        'or set DATABASE_URL to a Postgres of your own.',
    );
  }
  const versions = /initialized by PostgreSQL version (\S+),.* this version (\S+?)\.?(?:\s|$)/.exec(log);
  if (versions) {
    return new StartError(
      `${dataFolder} holds the data of Postgres ${versions[1]}, and this is Postgres ${versions[2]}. ${fromAfresh}`,
    );
  }
  if (isPassing(log)) return new StartError(`Postgres cannot start: ${firstLine(log)}.`);
  if (/Permission denied/.test(log)) return foreignFolder(dataFolder);
  return brokenFolder(dataFolder, firstLine(log));
}

/** The data folder is there, but cannot be used as it is. */
export function brokenFolder(dataFolder: string, reason: string): StartError {
  return new StartError(`The data folder is broken (${reason}). Delete ${dataFolder} to start afresh.`);
}

function foreignFolder(dataFolder: string): StartError {
  return new StartError(
    `This user may not read or write ${dataFolder}: start this as its owner, or delete it to start afresh.`,
  );
}

/** What the file system answered, as a sentence where there is one to say; everything else as it came. */
export function fileFailure(error: unknown, dataFolder: string): unknown {
  if (error instanceof StartError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return fullDisk(dataFolder);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return foreignFolder(dataFolder);
  if (code === 'ENOTDIR' || code === 'EISDIR' || code === 'EEXIST' || code === 'EIO')
    return brokenFolder(dataFolder, message);
  return error;
}

function fullDisk(dataFolder: string): StartError {
  return new StartError(`The disk that holds ${dataFolder} is full: make room and start again.`);
}

/** The line that tells the reason: the first that Postgres marks as an error, else the last of all. */
function firstLine(log: string): string {
  const lines = log.split('\n').filter((line) => line.trim() !== '');
  const line = lines.find((text) => /\b(?:FATAL|PANIC|error):/.test(text)) ?? lines.at(-1) ?? 'it gave no reason';
  return line.replace(/^.*?\b(?:FATAL|PANIC|error):\s*/, '').replace(/\.$/, '');
}
