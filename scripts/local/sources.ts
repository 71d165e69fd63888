import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['apps', 'libs', 'migrations'] as const;
const FILES = ['package.json', 'tsconfig.json', 'nest-cli.json', '.swcrc', 'scripts/bundle.ts'] as const;

/** What the build is made of. */
export const SOURCES: readonly string[] = [...FOLDERS, ...FILES];

/** When a source was last changed, in milliseconds. */
export function lastChange(root: string): number {
  // Folders as well: their time changes when a file goes.
  const inFolders = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  );
  const times = [...SOURCES, ...inFolders].map(
    (source) => statSync(join(root, source), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  );
  return Math.max(...times);
}
