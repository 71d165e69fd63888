import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const PROBE_TIMEOUT_MS = 10_000;
const OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024;

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** What the image tests look at: `npm run image` makes it. */
export const IMAGE = process.env['HELLO_WORLD_IMAGE'] ?? 'hello-world:local';

/** Absolute, as in the image: there is no shell that would search for it. */
export const NODE = '/usr/local/bin/node';

/** What a cluster that trusts nobody grants to a container. */
export const HARDENED: readonly string[] = [
  ...['--read-only', '--user', '65532', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges'],
  // No swap on top.
  ...['--memory', '192m', '--memory-swap', '192m', '--pids-limit', '64'],
];

const run = promisify(execFile);

/** @returns what the command wrote to its standard output */
export async function docker(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('docker', args, { maxBuffer: OUTPUT_LIMIT_BYTES });
  return stdout.trim();
}

/** Why no container engine can be asked here; `undefined` when one can. */
export function whyNoEngine(): string | undefined {
  const { error, status } = spawnSync('docker', ['version'], { timeout: PROBE_TIMEOUT_MS });
  if (error !== undefined) return 'there is no docker command';
  return status === 0 ? undefined : 'there is no container engine';
}

/** Why the image cannot be tested here; `undefined` when it can. */
export function whyNoImage(): string | undefined {
  const engine = whyNoEngine();
  if (engine !== undefined) return engine;
  const { status } = spawnSync('docker', ['image', 'inspect', IMAGE], { timeout: PROBE_TIMEOUT_MS });
  return status === 0 ? undefined : `there is no image ${IMAGE}: npm run image`;
}

/** Why a container cannot use this machine's own network, and so reach what a test starts here. */
export function whyNoHostNetwork(): string | undefined {
  return process.platform === 'linux'
    ? undefined
    : 'needs the network of the host, which is the engine’s on Linux only';
}
