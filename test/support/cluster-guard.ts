import { spawn } from 'node:child_process';
import type { Dismiss } from './guard.js';

/** Takes a namespace away if this test process ends before it has done so, however it ends. */
export function guardNamespace(name: string): Dismiss {
  const script = 'read -r dismissed && exit; kubectl delete namespace "$1" --ignore-not-found --wait=false';
  const shell = spawn('/bin/sh', ['-c', script, 'guard', name], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  shell.stdin.on('error', () => {}); // It was ended from outside.
  return () => shell.stdin.end('dismissed\n');
}
