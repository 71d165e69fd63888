import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { identityOf } from '../../scripts/local/process-table.ts';

const CLEAN_UP = join(import.meta.dirname, 'clean-up.ts');

/** Tells a guard that there is nothing to guard any more. */
export type Dismiss = () => void;

/** Ends a process if this test process ends before it. */
export function guardProcess(pid: number): Dismiss {
  const identity = identityOf(pid);
  return identity === undefined ? () => {} : guard('process', String(pid), identity);
}

/** Ends what runs on a launcher's folder, and removes it, if this test process ends before it has done so. */
export function guardFolder(folder: string): Dismiss {
  return guard('folder', folder);
}

/**
 * Cleans up behind a test process that did not, because it was killed: a shell that waits for a line, or for the end of
 * its input, which comes when the test process ends, however it ends. (Exit hooks do not run in Jest's workers.)
 */
function guard(...args: readonly string[]): Dismiss {
  const script = 'read -r dismissed || exec "$@"';
  const shell = spawn('/bin/sh', ['-c', script, 'guard', process.execPath, CLEAN_UP, ...args], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  shell.stdin.on('error', () => {}); // It was ended from outside.
  return () => shell.stdin.end('dismissed\n');
}
