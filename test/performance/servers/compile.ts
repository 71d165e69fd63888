import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { transformFile } from '@swc/core';

const ROOT = resolve(import.meta.dirname, '../../..');
const FOLDERS = ['references', 'usual'] as const;

/** Where the compiled servers are, inside the checkout so that they find its packages. */
export const COMPILED = 'out/performance';

/** Compiles the servers that ours is compared with, as the service itself is compiled. */
export async function compileServers(): Promise<void> {
  for (const folder of FOLDERS) {
    const [from, to] = [join(import.meta.dirname, '..', folder), join(ROOT, COMPILED, folder)];
    await rm(to, { recursive: true, force: true });
    await mkdir(to, { recursive: true });
    for (const name of await readdir(from)) {
      const { code } = await transformFile(join(from, name), { cwd: ROOT, sourceMaps: false });
      await writeFile(join(to, name.replace(/\.ts$/, '.js')), code);
    }
  }
}
