import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';
import { StartError } from './start-error.ts';

/** What the build is made of. */
const SOURCE_FOLDERS = ['apps', 'libs', 'migrations'] as const;
const SOURCE_FILES = ['package.json', 'tsconfig.json', 'nest-cli.json', '.swcrc'] as const;

/** Written last by a build, and gone while one is under way: how old the build is, and that it is whole. */
const STAMP = 'dist/build-info.json';

/** When a source was last changed, in milliseconds. */
export function lastChange(root: string): number {
  // Folders as well: their time changes when a file goes.
  const inFolders = SOURCE_FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  );
  const times = [...SOURCE_FILES, ...SOURCE_FOLDERS, ...inFolders].map(
    (source) => statSync(join(root, source), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return Math.max(...times);
}

/** Whether the build is missing, unfinished, or older than a source. */
export function isStale(root: string): boolean {
  const stamp = statSync(join(root, STAMP), { throwIfNoEntry: false });
  return stamp === undefined || stamp.mtimeMs < lastChange(root);
}

/**
 * Does what `npm run build` does.
 *
 * @throws StartError with the compiler's words
 */
export async function build(root: string, signal: AbortSignal): Promise<void> {
  const nest = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  if (!existsSync(nest)) throw new StartError('The packages are not installed: run "npm ci" first.');
  const startedAt = new Date();
  for (const script of [[nest, 'build'], [join(root, 'scripts', 'write-build-info.ts')]]) {
    const { code, output } = await run(process.execPath, script, { cwd: root, env: process.env, signal });
    if (code !== 0) throw new StartError(`The build failed, as told above.`, { cause: output.trim() });
  }
  // A source that was changed meanwhile may have been read before: the next look must find it newer.
  utimesSync(join(root, STAMP), startedAt, startedAt);
}
