import { askDocker, hasImage, whyNoComposeCommand, whyNoEngine } from './docker.ts';

/** What of the local platform is started; see docker-compose.yml. */
export type Profile = 'full' | 'headless' | 'core';

/**
 * Why the local platform cannot be started here with this profile; `undefined` when it can. What could be pulled has been
 * by now: pull-images.ts.
 */
export function whyNoCompose(profile: Profile): string | undefined {
  const nobody = whyNoComposeCommand() ?? whyNoEngine();
  if (nobody !== undefined) return nobody;
  const missing = imagesOf(profile).find((image) => !hasImage(image));
  if (missing === undefined) return undefined;
  return missing === serviceImage()
    ? `there is no image ${missing}; npm run image`
    : `the image ${missing} is not to be had`;
}

/** The greatest profile that can be started here: without Jaeger's and Grafana's images it is the headless one. */
export function bestProfile(): Profile {
  return whyNoCompose('full') === undefined ? 'full' : 'headless';
}

/** The images that a profile runs. */
export function imagesOf(profile: Profile): string[] {
  const env = { ...process.env, HELLO_WORLD_IMAGE: serviceImage() };
  const command = ['compose', '--file', 'docker-compose.yml', '--profile', profile, 'config', '--images'];
  return [...new Set(askDocker(command, { env })?.split('\n').filter(Boolean))];
}

/** The image with the service in it: the one of `npm run image`, not what Compose builds by itself. */
export function serviceImage(): string {
  return process.env['HELLO_WORLD_IMAGE'] ?? 'hello-world:local';
}
