import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Why a program can't be run; `undefined` where it is on the PATH. */
export function whyNoTool(name: string): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return onPath ? undefined : `there is no ${name} on the PATH`;
}
