import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Why a program can't be run; `undefined` where it is on the PATH. */
export function whyNoTool(name: string): string | undefined {
  return programOnPath(name) === undefined ? `there is no ${name} on the PATH` : undefined;
}

/** Where a program is that is on the PATH. */
export function programOnPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
