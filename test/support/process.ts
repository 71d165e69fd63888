import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf } from '../../scripts/local/process-table.ts';
import { guardProcess } from './guard.js';

/** How a process ended: one of the two is set. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program that a test runs. */
export interface TestProcess {
  readonly pid: number;
  /** What it wrote so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  /**
   * Waits until its output, of both streams together, matches.
   *
   * @throws when it ends before, with the output
   */
  output(pattern: RegExp): Promise<RegExpExecArray>;
  /** Settles when it has ended and all its output is here. */
  readonly exit: Promise<Exit>;
  kill(signal?: NodeJS.Signals): void;
  /** Writes to its input. */
  write(text: string): void;
}

const POLL_MS = 50;

const running = new Set<ChildProcess>();

export interface ProcessOptions extends Pick<SpawnOptions, 'cwd' | 'env' | 'uid' | 'gid'> {
  /** Where its standard output goes instead of to the test: a file descriptor. */
  readonly stdout?: number;
}

/** Starts a program. Its environment is what is given and `PATH`, nothing of the test runner's. */
export function startProcess(
  program: string,
  args: readonly string[],
  { env, stdout: output, ...options }: ProcessOptions = {},
): TestProcess {
  const child = spawn(program, args, {
    ...options,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['pipe', output ?? 'pipe', 'pipe'],
  });
  running.add(child);
  const dismissGuard = child.pid === undefined ? () => {} : guardProcess(child.pid);
  child.once('exit', dismissGuard);
  let [stdout, stderr, both] = ['', '', ''];
  const progress = new EventTarget();
  const tell = () => progress.dispatchEvent(new Event('progress'));
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk;
    both += chunk;
    tell();
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk;
    both += chunk;
    tell();
  });
  child.stdin?.on('error', () => {}); // It ended first.
  let ended = false;
  const exit = once(child, 'close').then((ending) => {
    const [code, signal] = ending as [number | null, NodeJS.Signals | null];
    ended = true;
    running.delete(child);
    tell();
    return { code, signal };
  });
  exit.catch(() => {}); // Shown by whoever awaits it.

  return {
    pid: child.pid ?? 0,
    stdout: () => stdout,
    stderr: () => stderr,
    async output(pattern) {
      for (;;) {
        const match = pattern.exec(both);
        if (match) return match;
        if (ended) throw new Error(`${program} ended before it wrote ${pattern}:\n${both}`);
        await Promise.race([once(progress, 'progress'), exit]);
      }
    },
    exit,
    kill: (signal = 'SIGTERM') => void child.kill(signal),
    write: (text) => void child.stdin?.write(text),
  };
}

/** Ends what a failed test left running: for `afterEach`. Asks first, so that programs can end their own children. */
export async function endProcesses(): Promise<void> {
  await Promise.all(
    [...running].map(async (child) => {
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      clearTimeout(timer);
      // A grandchild that went astray may hold the other ends.
      for (const stream of child.stdio) stream?.destroy();
      running.delete(child);
    }),
  );
}

/**
 * Waits until an address answers with this status.
 *
 * @returns the body
 * @throws when it does not in time, with its last answer
 */
export async function answers(url: string, status = 200, timeoutMs = 20_000): Promise<string> {
  const deadline = AbortSignal.timeout(timeoutMs);
  let last = 'nothing';
  while (!deadline.aborted) {
    const answer = await ask(url, deadline);
    if (answer.status === status) return answer.body;
    if (!deadline.aborted) last = answer.body;
    await sleep(POLL_MS);
  }
  throw new Error(`${url} did not answer ${status} in ${timeoutMs} ms, but: ${last}`);
}

async function ask(url: string, signal: AbortSignal): Promise<{ readonly status?: number; readonly body: string }> {
  try {
    const response = await fetch(url, { signal });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    return { body: String((error as Error).cause ?? error) }; // Nobody listens yet.
  }
}

/** Whether a process is there; what is left of one that ended and was not waited for does not count. */
export function isRunning(pid: number): boolean {
  return identityOf(pid) !== undefined;
}

/** Whether something listens on a port of the loopback address. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
