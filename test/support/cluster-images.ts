/** The images that run on the cluster, by digest, as push-images.ts has put them into the registry. */
import type { Values } from './helm.js';

/** Where push-images.ts leaves what it found for the specs, which it runs before. */
export const IMAGES_VARIABLE = 'TEST_CLUSTER_IMAGES';
export const NO_IMAGES_VARIABLE = 'TEST_CLUSTER_NO_IMAGES';

/** `image` in the values of the chart. */
export type ImageValue = Values & { readonly repository: string; readonly tag: string; readonly digest: string };

export interface ClusterImages {
  /** The image of `npm run image`. */
  readonly service: ImageValue;
  /** The same service under another digest: a next release. */
  readonly next: ImageValue;
  /** An image whose process ends at once, with 1. */
  readonly broken: ImageValue;
  /** The service, but for that it never gets ready; its migration works. */
  readonly unready: ImageValue;
  /** A digest that nobody has pushed. */
  readonly missing: ImageValue;
  readonly postgres: ImageValue;
  readonly flagd: ImageValue;
  readonly collector: ImageValue;
}

export function whyNoClusterImages(): string | undefined {
  if (process.env[IMAGES_VARIABLE] !== undefined) return undefined;
  return process.env[NO_IMAGES_VARIABLE] ?? 'no images were pushed';
}

export function clusterImages(): ClusterImages {
  const images = process.env[IMAGES_VARIABLE];
  if (images === undefined) throw new Error('no images were pushed');
  return JSON.parse(images) as ClusterImages;
}

/** What a container's `image` says. */
export function imageReference({ repository, tag, digest }: ImageValue): string {
  return `${repository}:${tag}@${digest}`;
}
