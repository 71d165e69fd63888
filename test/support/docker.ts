import { execFile, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { whyNoTool } from './tools.ts';

const run = promisify(execFile);

/** The repository: relative paths in commands are from there. */
const ROOT = resolve(import.meta.dirname, '../..');

/** How long a question takes at most that is asked before the tests. */
const PROBE_TIMEOUT_MS = 30_000;
/** How long any other command takes at most: by far longer than a platform that starts on a loaded machine. */
const COMMAND_TIMEOUT_MS = 300_000;
const MAX_OUTPUT_BYTES = 2 ** 26;

export interface DockerOptions {
  /** In place of the test's own. */
  readonly env?: NodeJS.ProcessEnv;
  readonly timeoutMs?: number;
  /** What it reads from its standard input. */
  readonly input?: string;
}

/**
 * Runs `docker …` in the repository.
 *
 * @returns what it wrote to its standard output
 * @throws when it ends with another code than 0, or not in time, with what it wrote to its standard error
 */
export async function docker(
  args: readonly string[],
  { timeoutMs = COMMAND_TIMEOUT_MS, input, ...options }: DockerOptions = {},
): Promise<string> {
  const running = run('docker', args, {
    ...options,
    cwd: ROOT,
    timeout: timeoutMs,
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  if (input !== undefined) running.child.stdin?.end(input);
  return (await running).stdout;
}

/** Asks `docker …` before the tests are known, where nothing can be awaited. @returns `undefined` when it ends badly */
export function askDocker(args: readonly string[], options: Pick<DockerOptions, 'env'> = {}): string | undefined {
  const { status, stdout } = spawnSync('docker', args, {
    ...options,
    cwd: ROOT,
    encoding: 'utf8',
    timeout: PROBE_TIMEOUT_MS,
  });
  return status === 0 ? stdout : undefined;
}

/** Why no container engine can be asked here; `undefined` when one can. */
export function whyNoEngine(): string | undefined {
  return whyNoTool('docker') ?? (askDocker(['version']) === undefined ? 'no container engine answers' : undefined);
}

/** Why `docker compose` cannot be asked here; it needs no engine for its answers about its own file. */
export function whyNoComposeCommand(): string | undefined {
  return whyNoTool('docker') ?? (askDocker(['compose', 'version']) === undefined ? 'no Docker Compose' : undefined);
}

/** Whether the engine has an image already. */
export function hasImage(image: string): boolean {
  return askDocker(['image', 'inspect', image]) !== undefined;
}
