import { spawn } from 'node:child_process';
import type { Dismiss } from './guard.js';

/** Takes objects (`namespace/hw-…`) away if this test process ends before it has done so, however it ends. */
export function guardObjects(...objects: readonly string[]): Dismiss {
  const script = 'read -r dismissed && exit; kubectl delete "$@" --ignore-not-found --wait=false';
  const shell = spawn('/bin/sh', ['-c', script, 'guard', ...objects], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  shell.stdin.on('error', () => {}); // It was ended from outside.
  return () => shell.stdin.end('dismissed\n');
}
