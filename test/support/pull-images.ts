import { imagesOf, serviceImage } from './compose-images.ts';
import { docker, hasImage } from './docker.ts';

/**
 * Jest's global set-up of the suites on the local platform: pulls what of its images is missing, once and all together,
 * before a spec asks for them. One that is not to be had is left to the specs: they skip, and say so.
 */
export default async function pullImages(): Promise<void> {
  const images = new Set([...imagesOf('headless'), ...imagesOf('full')]);
  images.delete(serviceImage()); // Built, not pulled.
  const missing = [...images].filter((image) => !hasImage(image));
  await Promise.allSettled(missing.map(async (image) => docker(['pull', '--quiet', image])));
}
