import { hostname } from 'node:os';
import { fileURLToPath } from 'node:url';
import { askDocker, hasImage, whyNoEngine } from '../support/docker.js';

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

/** Why the image cannot be tested here; `undefined` when it can. */
export function whyNoImage(): string | undefined {
  return whyNoEngine() ?? (hasImage(IMAGE) ? undefined : `there is no image ${IMAGE}: npm run image`);
}

/** What of `docker info` tells whose network a container gets that asks for the host's. */
export interface EngineInfo {
  readonly Name: string;
  readonly SecurityOptions: readonly string[] | null;
}

/** Why a container cannot use this machine's own network, and so reach what a test starts here. */
export function whyNoHostNetwork(answer = askDocker(['info', '--format', '{{json .}}'])): string | undefined {
  if (answer === undefined) return 'no container engine answers';
  const { Name, SecurityOptions } = JSON.parse(answer) as EngineInfo;
  // Docker Desktop's runs in a virtual machine, on Linux as well.
  if (Name !== hostname()) return `needs the network of the host, and the engine’s host is another: ${Name}`;
  return SecurityOptions?.some((option) => option.includes('name=rootless'))
    ? 'needs the network of the host, and the engine is a rootless one with a network of its own'
    : undefined;
}
