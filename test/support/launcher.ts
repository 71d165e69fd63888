import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Client } from 'pg';
import { endProcesses, isRunning, startProcess, type TestProcess } from './process.js';

export const ROOT = resolve(import.meta.dirname, '../..');

/** The launcher of `npm start`, on a data folder of the test's own and on a free port. */
export function startLauncher(
  dataFolder: string,
  env: NodeJS.ProcessEnv = {},
  options: { readonly uid?: number; readonly gid?: number } = {},
): TestProcess {
  return startProcess(process.execPath, ['scripts/start.ts'], {
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

const launched = new Set<Launched>();

/** Waits until a launcher says that the service is ready. */
export async function ready(launcher: TestProcess, dataFolder: string): Promise<Launched> {
  await launcher.output(/Ctrl-C stops it/);
  const [url = '', port] = (await launcher.output(/http:\/\/localhost:(\d+)/)) ?? [];
  const state = JSON.parse(readFileSync(join(dataFolder, 'launcher.json'), 'utf8')) as { service: { pid: number } };
  const postgresPid = Number(readFileSync(join(dataFolder, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
  const started = { url, port: Number(port), servicePid: state.service.pid, postgresPid };
  launched.add(started);
  return started;
}

/** Ends what a failed test left running, also behind a launcher that it killed: for `afterEach`. */
export async function endLaunched(): Promise<void> {
  await endProcesses();
  for (const { servicePid, postgresPid } of launched) {
    for (const pid of [servicePid, postgresPid]) if (isRunning(pid)) process.kill(pid, 'SIGKILL');
  }
  launched.clear();
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
