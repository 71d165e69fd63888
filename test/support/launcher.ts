import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { readState } from '../../scripts/local/checkout-lock.ts';
import { guardFolder } from './guard.js';
import { endAllOn } from './left-behind.ts';
import { endProcesses, startProcess, type TestProcess } from './process.js';

export const ROOT = resolve(import.meta.dirname, '../..');

/** A data folder of a test's own. */
export interface DataFolder {
  readonly path: string;
  /** Ends what a failed test left running, also behind a launcher that it killed, and removes the folder. */
  remove(): Promise<void>;
}

export function makeDataFolder(): DataFolder {
  const path = mkdtempSync(join(tmpdir(), 'hello-world-start-'));
  const dismissGuard = guardFolder(path);
  return {
    path,
    async remove() {
      await endProcesses();
      await endAllOn(path);
      rmSync(path, { recursive: true, force: true });
      dismissGuard();
    },
  };
}

export interface LauncherOptions {
  readonly uid?: number;
  readonly gid?: number;
  /** Where its sources are. */
  readonly cwd?: string;
  readonly args?: readonly string[];
}

/** The launcher of `npm start`, on a data folder of the test's own and on a free port. */
export function startLauncher(
  dataFolder: string,
  env: NodeJS.ProcessEnv = {},
  { args = [], ...options }: LauncherOptions = {},
): TestProcess {
  return startProcess(process.execPath, ['scripts/start.ts', ...args], {
    cwd: ROOT,
    env: { LOCAL_DATA_DIR: dataFolder, PORT: '0', ...env },
    ...options,
  });
}

/** What a launcher that is ready has started. */
export interface Launched {
  /** Base URL of the service. */
  readonly url: string;
  readonly port: number;
  readonly servicePid: number;
  readonly postgresPid: number;
}

/** Waits until a launcher says that the service is ready. */
export async function ready(launcher: TestProcess, dataFolder: string): Promise<Launched> {
  await launcher.output(/Ctrl-C stops it/);
  const [url = '', port] = (await launcher.output(/http:\/\/localhost:(\d+)/)) ?? [];
  const { service } = readState(dataFolder);
  if (service === undefined) throw new Error('the launcher has written down no service');
  const postgresPid = Number(readFileSync(join(dataFolder, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
  return { url, port: Number(port), servicePid: service.pid, postgresPid };
}

/** Asks the launcher's Postgres. */
export async function query(launcher: TestProcess, dataFolder: string, sql: string): Promise<unknown[]> {
  const [, port] = await launcher.output(/Postgres listens on 127\.0\.0\.1:(\d+)/);
  const password = readFileSync(join(dataFolder, 'postgres', 'superuser.password'), 'utf8').trim();
  const client = new Client(`postgres://postgres:${password}@127.0.0.1:${port}/hello_world`);
  await client.connect();
  try {
    return (await client.query(sql)).rows as unknown[];
  } finally {
    await client.end();
  }
}
