import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../scripts/local/ports.ts';
import { type Cores, onCore } from './cores.ts';
import { cpuMicroseconds, residentMegabytes } from './process-figures.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
const PROBE = join(import.meta.dirname, 'probe.mjs');

const START_TIMEOUT_MS = 60_000;
const START_POLL_MS = 1;
const STOP_TIMEOUT_MS = 30_000;
const KEPT_OUTPUT_CHARACTERS = 4_000;

/** A server that can be measured. */
export interface ServerSpec {
  readonly name: string;
  /** Arguments of Node, or a line for a shell in which `{port}` stands for the port. */
  readonly command: readonly string[] | string;
  readonly env: Readonly<Record<string, string>>;
  /** A path that it answers with 200. */
  readonly path: string;
  /** Where its standard output goes: to this process, which reads it and throws it away, or nowhere. */
  readonly output: 'pipe' | 'ignore';
}

/** What the probe in a Node server tells. */
export interface Look {
  /** How long its event loop has been at work so far, in milliseconds. */
  readonly activeMs: number;
}

/** What is left after its garbage was collected. */
export interface Live {
  readonly heapBytes: number;
}

export interface Server {
  readonly url: string;
  readonly port: number;
  /** From the start of the process to its first answer with 200, in milliseconds. */
  readonly startedInMs: number;
  /** So far, in microseconds. */
  cpu(): number;
  /** In MB. */
  memory(): number;
  /** Asks the probe inside; only of a Node server that was started with it. */
  ask<T = Look>(what: string): Promise<T>;
  /** Ends it in order, and returns when it is gone. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a fresh process of a server, and waits for its first answer. */
export async function startServer(spec: ServerSpec, cores: Cores, { probe = false } = {}): Promise<Server> {
  const port = await freePort();
  const isShell = typeof spec.command === 'string';
  const line = isShell
    ? (['sh', '-c', `exec ${spec.command.replaceAll('{port}', String(port))}`] as const)
    : ([process.execPath, ...(probe ? ['--import', PROBE] : []), ...spec.command] as const);
  const [program, ...args] = onCore(cores.server, line);
  const startedAt = performance.now();
  const child = spawn(program, args, {
    cwd: ROOT,
    // A peer may need anything; what is compared with each other gets the same, which is next to nothing.
    env: { ...(isShell ? process.env : { PATH: process.env['PATH'] }), ...spec.env, PORT: String(port) },
    stdio: ['ignore', spec.output, 'pipe', ...(probe ? (['ipc'] as const) : [])],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let stderr = '';
  let lastOutput: Buffer | undefined;
  child.stdout?.on('data', (chunk: Buffer) => {
    lastOutput = chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr = (stderr + chunk).slice(-KEPT_OUTPUT_CHARACTERS);
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await firstAnswer(child, url + spec.path);
  } catch (cause) {
    child.kill('SIGKILL');
    const said = `${lastOutput?.toString().slice(-KEPT_OUTPUT_CHARACTERS) ?? ''}${stderr}`.trim();
    throw new Error(`${spec.name} did not start${said === '' ? '' : `:\n${said}`}`, { cause });
  }
  const startedInMs = performance.now() - startedAt;
  const { pid = 0 } = child;
  return {
    url,
    port,
    startedInMs,
    cpu: () => cpuMicroseconds(pid),
    memory: () => residentMegabytes(pid),
    async ask<T>(what: string) {
      const answer = once(child, 'message');
      child.send(what);
      const [message] = (await answer) as [T];
      return message;
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new Error(`${spec.name} ended while it was measured:\n${stderr}`);
      }
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      child.kill('SIGTERM');
      await once(child, 'close');
      clearTimeout(timer);
    },
  };
}

async function firstAnswer(child: ChildProcess, url: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (child.exitCode === null && performance.now() < deadline) {
    if ((await statusOf(url)) === 200) return;
    await sleep(START_POLL_MS);
  }
  throw new Error(child.exitCode === null ? `no 200 from ${url}` : `exit code ${child.exitCode}`);
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false }, (response) => {
      response.resume().once('close', () => resolve(response.statusCode));
    });
    request.once('error', () => resolve(undefined)); // Nobody listens yet.
  });
}
