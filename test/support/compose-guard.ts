import { spawn } from 'node:child_process';
import type { Dismiss } from './guard.js';

/** Takes a Compose project and its folder away if this test process ends before it has done so, however it ends. */
export function guardProject(project: string, folder: string): Dismiss {
  const script = 'read -r dismissed && exit; docker compose -p "$1" down -v --remove-orphans -t 1; rm -rf "$2"';
  const shell = spawn('/bin/sh', ['-c', script, 'guard', project, folder], {
    // Not where a Compose file is: what belongs to the project is told by its labels.
    cwd: '/',
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  shell.unref();
  shell.stdin.on('error', () => {}); // It was ended from outside.
  return () => shell.stdin.end('dismissed\n');
}
