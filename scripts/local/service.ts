import { spawn } from 'node:child_process';
import { get } from 'node:http';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Environment } from './service-environment.ts';
import { StartError } from './start-error.ts';

const MAIN = 'dist/apps/hello-world/src/main.js';
const READY_POLL_MS = 100;
const READY_TIMEOUT_MS = 5_000;

export interface Service {
  readonly pid: number;
  /** Settles with the exit code, by a signal with 128 and its number as shells do. */
  readonly exited: Promise<number>;
  kill(signal: NodeJS.Signals): void;
}

/**
 * Starts the service in a process group of its own, so that a Ctrl-C on the terminal reaches it once: from the
 * launcher. Its output goes where the launcher's goes.
 */
export function startService(root: string, env: Environment): Service {
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
    cwd: root,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
  });
  const exited = new Promise<number>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
  });
  child.once('error', () => {}); // Said below.
  const { pid } = child;
  if (pid === undefined)
    throw new StartError('The service cannot be started: too many processes, or too little memory.');
  return { pid, exited, kill: (signal) => child.kill(signal) };
}

/** Asks until the service is ready. @returns `false` when the signal came first */
export async function waitUntilReady(
  url: string,
  onWait: (answer: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  for (let poll = 1; !signal.aborted; poll++) {
    const answer = await ask(url, signal);
    if (answer === undefined) return !signal.aborted;
    if (poll % 100 === 0) onWait(answer);
    await sleep(READY_POLL_MS, undefined, { signal }).catch(() => {});
  }
  return false;
}

/** What stands against readiness, `undefined` when nothing does. */
function ask(url: string, signal: AbortSignal): Promise<string | undefined> {
  // A port or host that makes no address: the service refuses it in better words.
  if (!URL.canParse(url)) return Promise.resolve(`${url} is no address`);
  return new Promise((resolve) => {
    // No agent: a kept connection would make the service wait when it stops.
    const request = get(url, { agent: false, timeout: READY_TIMEOUT_MS, signal }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('close', () => resolve(response.statusCode === 200 ? undefined : body.slice(0, 200)));
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', (error) => resolve(error.message));
  });
}
