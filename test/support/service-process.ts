import { mkdir, writeFile } from 'node:fs/promises';
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

/**
 * Builds the service with a faulty module in it, beside the service itself.
 *
 * @returns the entry to run
 */
export async function buildFaultyMain(): Promise<string> {
  const folder = 'dist/test/support';
  await mkdir(`${root}${folder}`, { recursive: true });
  for (const name of ['faulty.module', 'faulty-main']) {
    const { code } = await transformFile(`${root}test/support/${name}.ts`, { cwd: root });
    await writeFile(`${root}${folder}/${name}.js`, code);
  }
  return `${folder}/faulty-main.js`;
}
