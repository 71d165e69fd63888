import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ROOT } from './image.js';

export const COMMITTED_AT = '2025-06-15T15:06:40Z';

/** What the build's context may hold. */
export const CONTEXT: readonly string[] = [
  ...readFileSync(join(ROOT, '.dockerignore'), 'utf8').matchAll(/^!(.+)$/gm),
].map(([, path = '']) => path);

const SCRIPTS = ['scripts/build-image.sh', 'scripts/check-image.sh'];

const folders: string[] = [];

/** Asks git about a checkout. @returns its answer without the line's end */
export function git(root: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-c', 'user.name=nobody', '-c', 'user.email=nobody@example.org', ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, GIT_AUTHOR_DATE: COMMITTED_AT, GIT_COMMITTER_DATE: COMMITTED_AT },
  }).trim();
}

/** A checkout of its own, of what makes the image as it is here, in one commit that is the same in each. */
export function makeCheckout(): string {
  const root = mkdtempSync(join(tmpdir(), 'image-build-'));
  folders.push(root);
  for (const path of [...CONTEXT, '.dockerignore', 'Dockerfile', ...SCRIPTS])
    cpSync(join(ROOT, path), join(root, path), { recursive: true });
  git(root, 'init', '--quiet');
  git(root, 'add', '--all');
  git(root, '-c', 'commit.gpgSign=false', 'commit', '--quiet', '--message', 'any');
  return root;
}

export function plant(root: string, path: string, content: string | Buffer = 'stray'): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

/** For `afterEach`. */
export function removeCheckouts(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
}
