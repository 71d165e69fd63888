import { spawnSync } from 'node:child_process';
import { ROOT } from './launcher.js';

/** What of the local platform is started; see docker-compose.yml. */
export type Profile = 'full' | 'headless' | 'core';

const PROBE_TIMEOUT_MS = 30_000;
const PULL_TIMEOUT_MS = 300_000;

/** Why the local platform cannot be started here with this profile; `undefined` when it can. Pulls what is missing. */
export function whyNoCompose(profile: Profile): string | undefined {
  if (docker(['compose', 'version']).status !== 0) return 'there is no Docker Compose';
  if (docker(['version']).status !== 0) return 'no Docker Engine answers';
  const missing = imagesOf(profile).find((image) => !isThere(image));
  if (missing === undefined) return undefined;
  return isOurs(missing) ? `there is no image ${missing}; npm run image` : `the image ${missing} is not to be had`;
}

/** The greatest profile that can be started here: without Jaeger's and Grafana's images it is the headless one. */
export function bestProfile(): Profile {
  return whyNoCompose('full') === undefined ? 'full' : 'headless';
}

/** The images that a profile runs. */
export function imagesOf(profile: Profile): string[] {
  const { stdout } = docker(['compose', '--file', 'docker-compose.yml', '--profile', profile, 'config', '--images']);
  return [...new Set(stdout.split('\n').filter(Boolean))];
}

/** The image with the service in it, which is built and not pulled. */
export function serviceImage(): string {
  return process.env['HELLO_WORLD_IMAGE'] ?? 'hello-world:local';
}

function isOurs(image: string): boolean {
  return image === serviceImage();
}

function isThere(image: string): boolean {
  if (docker(['image', 'inspect', image]).status === 0) return true;
  return !isOurs(image) && docker(['pull', '--quiet', image], PULL_TIMEOUT_MS).status === 0;
}

function docker(args: readonly string[], timeout = PROBE_TIMEOUT_MS): { status: number | null; stdout: string } {
  return spawnSync('docker', args, { cwd: ROOT, encoding: 'utf8', timeout });
}
