import { randomBytes } from 'node:crypto';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isFilled, type PostgresAccount } from './postgres-account.ts';
import type { PostgresBinaries } from './postgres-binaries.ts';
import { fileFailure, initdbFailure } from './postgres-failure.ts';
import { run } from './run.ts';

export const SUPERUSER = 'postgres';

/** Lies in the data folder, which only the server's account may enter. */
export const PASSWORD_FILE = 'superuser.password';

export interface DataFolderOptions {
  readonly dataFolder: string;
  readonly binaries: PostgresBinaries;
  readonly account: PostgresAccount;
  readonly signal: AbortSignal | undefined;
  readonly onCreate: (() => void) | undefined;
}

/** Makes the data folder where there is none: elsewhere first, and renamed when it is whole, so never by halves. */
export async function createDataFolder({ dataFolder, binaries, account, signal, onCreate }: DataFolderOptions) {
  const unfinished = `${basename(dataFolder)}.new-`;
  try {
    removeUnfinished(dirname(dataFolder), unfinished);
    if (isFilled(dataFolder)) return;
    onCreate?.();
    const nursery = mkdtempSync(join(dirname(dataFolder), unfinished));
    try {
      await initdb(nursery, { dataFolder, binaries, account, signal });
    } finally {
      rmSync(nursery, { recursive: true, force: true, maxRetries: 5 });
    }
  } catch (error) {
    throw fileFailure(error, dataFolder);
  }
}

/** Nothing of the caller's environment reaches Postgres: `PG*` variables would change what it does. */
export function postgresEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C', TZ: 'UTC' };
}

async function initdb(nursery: string, options: Omit<DataFolderOptions, 'onCreate'>): Promise<void> {
  const { dataFolder, binaries, account, signal } = options;
  const half = join(nursery, 'data');
  const passwordFile = join(nursery, PASSWORD_FILE);
  mkdirSync(half, { mode: 0o700 });
  writeFileSync(passwordFile, `${randomBytes(16).toString('hex')}\n`, { mode: 0o600 });
  for (const path of [half, passwordFile]) chownSync(path, account.uid, account.gid);

  const [program, args] = account.command(binaries.initdb, [
    ...['--pgdata', half, '--username', SUPERUSER, '--pwfile', passwordFile, '--auth', 'scram-sha-256'],
    // The first start of a development database may well be repeated after a power cut: no need to wait for the disk.
    ...['--encoding', 'UTF8', '--locale', 'C', '--no-sync', '--no-instructions'],
  ]);
  const { code, output } = await run(program, args, { cwd: nursery, env: postgresEnvironment(), signal });
  if (code !== 0) throw initdbFailure(output, dataFolder);

  renameSync(passwordFile, join(half, PASSWORD_FILE));
  // This also takes the place of an empty folder.
  renameSync(half, dataFolder);
}

function removeUnfinished(parent: string, prefix: string): void {
  for (const name of readdirSync(parent)) {
    if (name.startsWith(prefix)) rmSync(join(parent, name), { recursive: true, force: true, maxRetries: 5 });
  }
}
