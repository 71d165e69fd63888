import { type SpawnOptions, spawn } from 'node:child_process';
import { signal as send } from './process-table.ts';

export interface RunResult {
  /** Exit code; -1 when it could not be started or was ended by a signal. */
  readonly code: number;
  /** What it wrote to either stream. */
  readonly output: string;
}

type RunOptions = Pick<SpawnOptions, 'cwd' | 'env'> & { readonly signal?: AbortSignal | undefined };

/**
 * Runs a program to its end, in a process group of its own.
 *
 * @throws the signal's reason when it was given up; by then the whole group has been ended
 */
export async function run(program: string, args: readonly string[], options: RunOptions): Promise<RunResult> {
  const { cwd, env, signal } = options;
  signal?.throwIfAborted();
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const giveUp = () => child.pid && send(-child.pid, 'SIGTERM');
  signal?.addEventListener('abort', giveUp);
  try {
    const result = await new Promise<RunResult>((resolve) => {
      let output = '';
      for (const stream of [child.stdout, child.stderr]) {
        stream?.setEncoding('utf8').on('data', (chunk: string) => {
          output += chunk;
        });
      }
      child.once('error', (error) => resolve({ code: -1, output: error.message }));
      child.once('close', (code) => resolve({ code: code ?? -1, output }));
    });
    signal?.throwIfAborted();
    return result;
  } finally {
    signal?.removeEventListener('abort', giveUp);
  }
}
