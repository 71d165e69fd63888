import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;

/**
 * What tells one process from a later one that happens to get the same pid: when it was started.
 *
 * @returns `undefined` when there is no such process, or only a zombie is left of it
 */
export function identityOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return ps(pid, 'lstart=');
  try {
    // Everything behind the last parenthesis, because the command's name may hold any character; see proc(5).
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
    const [state, startedAtTick] = [fields[0], fields[19]];
    if (state === 'Z' || state === 'X') return undefined;
    // Ticks count from boot.
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()}/${startedAtTick}`;
  } catch {
    return undefined;
  }
}

/** The command line of a process, `undefined` when there is none. */
export function commandLineOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return ps(pid, 'command=');
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim() || undefined;
  } catch {
    return undefined;
  }
}

/** The pids of a process's children. */
export function childrenOf(pid: number): number[] {
  try {
    const list =
      process.platform === 'linux'
        ? readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
        : execFileSync('pgrep', ['-P', String(pid)], { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'] });
    return list.split(/\s+/).filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Sends a signal to a process that may have gone meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Which signal to send, and how long to wait for the process to go before the next step. */
export type Step = readonly [signal: NodeJS.Signals, waitMs: number];

/**
 * Ends a process, more firmly at each step, and returns when it is gone.
 *
 * @param identity what {@link identityOf} said of it; a process that took over the pid is left alone
 * @returns whether it is gone
 */
export async function endProcess(pid: number, identity: string, steps: readonly Step[]): Promise<boolean> {
  const isThere = () => identityOf(pid) === identity;
  for (const [name, waitMs] of steps) {
    if (!isThere()) return true;
    signal(pid, name);
    const deadline = performance.now() + waitMs;
    while (isThere() && performance.now() < deadline) await sleep(POLL_MS);
  }
  return !isThere();
}

function ps(pid: number, column: string): string | undefined {
  try {
    const args = ['-o', 'state=', '-o', column, '-p', String(pid)];
    const line = execFileSync('ps', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const [state = '', ...rest] = line.trim().split(/\s+/);
    return state === '' || state.startsWith('Z') ? undefined : rest.join(' ');
  } catch {
    return undefined;
  }
}
