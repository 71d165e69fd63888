import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformFile } from '@swc/core';
import type { LogLine } from './memory-log.js';
import { startProcess, type TestProcess } from './process.js';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The built service, as it runs in production. */
export const MAIN = 'dist/apps/hello-world/src/main.js';

/** The service as a process of its own, on a free port of the loopback address. */
export interface ServiceProcess extends TestProcess {
  /** The lines on its standard output so far, parsed: a line that is not JSON is an error. */
  lines(): LogLine[];
  /** Waits for a line of its log. */
  line(msg: string): Promise<LogLine>;
  /** Waits until it listens. @returns its base URL */
  url(): Promise<string>;
}

/**
 * Starts the built service. It ends with `endProcesses()` at the latest.
 *
 * @param entry what to run in place of the service's own main module
 * @param stdout file descriptor that its log goes to, unseen by the test
 */
export function startServiceProcess(
  env: NodeJS.ProcessEnv = {},
  entry: readonly string[] = [MAIN],
  stdout?: number,
): ServiceProcess {
  const child = startProcess(process.execPath, ['--enable-source-maps', ...entry], {
    ...(stdout === undefined ? {} : { stdout }),
    cwd: root,
    env: { HOST: '127.0.0.1', PORT: '0', ...env },
  });
  const lines = (): LogLine[] =>
    child
      .stdout()
      .split('\n')
      .filter((text, index, all) => index < all.length - 1 && text !== '')
      .map((text) => JSON.parse(text) as LogLine);
  const line = async (msg: string): Promise<LogLine> => {
    const literal = msg.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&');
    await child.output(new RegExp(`"msg":"${literal}.*\n`));
    return lines().find((each) => each.msg.startsWith(msg)) as LogLine;
  };
  return {
    ...child,
    lines,
    line,
    url: async () => `http://127.0.0.1:${String((await line('listening'))['port'])}`,
  };
}

/** The service with a faulty module in it. */
export interface FaultyMain {
  /** What to run. */
  readonly entry: string;
  remove(): Promise<void>;
}

/** Builds it in a folder of its own, beside links to the build of the service, which stays as it is. */
export async function buildFaultyMain(): Promise<FaultyMain> {
  const folder = await mkdtemp(join(tmpdir(), 'faulty-main-'));
  for (const name of ['package.json', 'node_modules', 'dist']) await symlink(join(root, name), join(folder, name));
  await symlink(join(root, 'dist/apps'), join(folder, 'apps'));
  const support = join(folder, 'test/support');
  await mkdir(support, { recursive: true });
  for (const name of ['faulty.module', 'faulty-main']) {
    const { code } = await transformFile(join(root, `test/support/${name}.ts`), { cwd: root });
    await writeFile(join(support, `${name}.js`), code);
  }
  return { entry: join(support, 'faulty-main.js'), remove: () => rm(folder, { recursive: true }) };
}
