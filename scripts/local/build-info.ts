import { execFileSync } from 'node:child_process';
import { readFileSync, renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SOURCES } from './sources.ts';

/**
 * The one record of what was built, read by the service, its metrics and its traces. It is written last by a build, and
 * gone while one is under way: its time says how old the build is, and its being there that it is whole.
 */
const RECORD = 'dist/build-info.json';

/** When the build was made, in milliseconds; `undefined` when there is none, or half of one. */
export function builtAt(root: string): number | undefined {
  return statSync(join(root, RECORD), { throwIfNoEntry: false })?.mtimeMs;
}

/** @param at when the build began; what was changed since may not be in it */
export function writeBuildInfo(root: string, at: Date): void {
  write(root, content(root, revision(root) ?? 'unknown'), at);
}

/** Brings the record up to a commit that changed no source. The build is as old as it was. */
export function refreshBuildInfo(root: string): void {
  const current = revision(root);
  if (current === undefined) return;
  const file = join(root, RECORD);
  const text = content(root, current);
  if (text !== readFileSync(file, 'utf8')) write(root, text, statSync(file).mtime);
}

function content(root: string, revision: string): string {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  return `${JSON.stringify({ version: process.env['VERSION'] || version, revision })}\n`;
}

/** Text and time appear in one go. */
function write(root: string, text: string, at: Date): void {
  const file = join(root, RECORD);
  const half = `${file}.${process.pid}`;
  writeFileSync(half, text);
  utimesSync(half, at, at);
  renameSync(half, file);
}

/**
 * The commit: given from outside where the sources come without git (an image build), else git's own word, with
 * `-dirty` when what is built is not what that commit holds.
 */
function revision(root: string): string | undefined {
  if (process.env['REVISION']) return process.env['REVISION'];
  try {
    const head = git(root, 'rev-parse', 'HEAD');
    return git(root, 'status', '--porcelain', '--', ...SOURCES) === '' ? head : `${head}-dirty`;
  } catch {
    return undefined; // No git, or no repository.
  }
}

function git(root: string, ...args: readonly string[]): string {
  // Without the lock it is in nobody's way who commits at this moment.
  return execFileSync('git', ['--no-optional-locks', ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}
