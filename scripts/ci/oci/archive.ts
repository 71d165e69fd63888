import { createHash } from 'node:crypto';
import { gunzipSync, gzipSync } from 'node:zlib';
import { readTar, writeTar } from './tar.ts';

export const MANIFEST_TYPE = 'application/vnd.oci.image.manifest.v1+json';
const INDEX_TYPE = 'application/vnd.oci.image.index.v1+json';
const PLAIN_LAYER = 'application/vnd.oci.image.layer.v1.tar';
const GZIP_LAYER = `${PLAIN_LAYER}+gzip`;
const GZIP_LEVEL = 6;

/** What names content in OCI: https://github.com/opencontainers/image-spec/blob/main/descriptor.md */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Manifest {
  readonly mediaType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

interface Config {
  readonly config?: { readonly Labels?: Readonly<Record<string, string>> };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

/** One image for one platform, all of it, each part with the content that its digest says. */
export interface Image {
  /** Of the manifest: the digest that a registry has it by. */
  readonly digest: string;
  /** The manifest to the byte. */
  readonly manifest: Buffer;
  /** Of the configuration: the id that Docker's own image store has it by. */
  readonly id: string;
  /** Configuration and layers, by digest. */
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly labels: Readonly<Record<string, string>>;
}

export function digestOf(content: Buffer): string {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/**
 * Reads an OCI layout in a tar (https://github.com/opencontainers/image-spec/blob/main/image-layout.md), as `docker save`
 * makes it from Docker 25 on.
 *
 * @throws where something is missing, or has another content than its digest says
 */
export function readArchive(tar: Buffer): Image {
  const files = readTar(tar);
  const index = files.get('index.json');
  if (index === undefined)
    throw new Error('there is no index.json in it: it is no OCI layout (Docker 25 or newer makes one)');
  const blob = (digest: string): Buffer => {
    const content = files.get(pathOf(digest));
    if (content === undefined) throw new Error(`${digest} is missing in it`);
    if (digestOf(content) !== digest) throw new Error(`${digest} has another content than its name says`);
    return content;
  };
  const descriptor = onlyImage(index, blob);
  const manifest = blob(descriptor.digest);
  const { config, layers } = parse(manifest) as Manifest;
  const { rootfs, config: settings } = parse(blob(config.digest)) as Config;
  if (rootfs.diff_ids.length !== layers.length) throw new Error('its configuration has other layers than its manifest');
  layers.forEach((layer, number) => {
    const diff = digestOf(unpacked(layer, blob(layer.digest)));
    if (diff !== rootfs.diff_ids[number]) throw new Error(`layer ${layer.digest} is not the one of its configuration`);
  });
  const parts = [config, ...layers].map(({ digest }) => [digest, blob(digest)] as const);
  return {
    digest: descriptor.digest,
    manifest,
    id: config.digest,
    blobs: new Map(parts),
    labels: settings?.Labels ?? {},
  };
}

/** The image with its layers compressed, as a node pulls them. Its manifest, and so its digest, is then for good. */
export function compressed(image: Image): Image {
  const { config, layers, ...rest } = parse(image.manifest) as Manifest;
  const blobs = new Map<string, Buffer>();
  const content = (digest: string): Buffer => image.blobs.get(digest) ?? Buffer.alloc(0);
  blobs.set(config.digest, content(config.digest));
  const packed = layers.map((layer) => {
    if (layer.mediaType !== PLAIN_LAYER) {
      blobs.set(layer.digest, content(layer.digest));
      return layer;
    }
    const zipped = gzipSync(content(layer.digest), { level: GZIP_LEVEL });
    const digest = digestOf(zipped);
    blobs.set(digest, zipped);
    return { mediaType: GZIP_LAYER, digest, size: zipped.length };
  });
  const manifest = Buffer.from(JSON.stringify({ ...rest, mediaType: MANIFEST_TYPE, config, layers: packed }));
  return { ...image, digest: digestOf(manifest), manifest, blobs };
}

/** The image as an OCI layout in a tar, with what `docker load` reads beside it. The same image makes the same bytes. */
export function writeArchive(image: Image, name: string, tag: string): Buffer {
  const { config, layers } = parse(image.manifest) as Manifest;
  const annotations = {
    'io.containerd.image.name': `docker.io/library/${name}:${tag}`,
    'org.opencontainers.image.ref.name': tag,
  };
  const descriptor = { mediaType: MANIFEST_TYPE, digest: image.digest, size: image.manifest.length, annotations };
  const forDocker = {
    Config: pathOf(config.digest),
    RepoTags: [`${name}:${tag}`],
    Layers: layers.map(({ digest }) => pathOf(digest)),
  };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const files = new Map([
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', json({ schemaVersion: 2, mediaType: INDEX_TYPE, manifests: [descriptor] })],
    ['manifest.json', json([forDocker])],
    [pathOf(image.digest), image.manifest],
    ...[...image.blobs].map(([digest, content]) => [pathOf(digest), content] as const),
  ]);
  return writeTar(files);
}

function onlyImage(index: Buffer, blob: (digest: string) => Buffer): Descriptor {
  const { manifests } = parse(index) as { readonly manifests: readonly Descriptor[] };
  const images = manifests.filter(({ annotations }) => annotations?.['vnd.docker.reference.type'] === undefined);
  const [image] = images;
  if (image === undefined || images.length > 1) throw new Error(`it has ${images.length} images, not one`);
  return image.mediaType === INDEX_TYPE ? onlyImage(blob(image.digest), blob) : image;
}

function unpacked(layer: Descriptor, content: Buffer): Buffer {
  if (layer.mediaType === PLAIN_LAYER) return content;
  if (layer.mediaType === GZIP_LAYER) return gunzipSync(content);
  throw new Error(`layer ${layer.digest} is of type ${layer.mediaType}, not a tar of OCI`);
}

function pathOf(digest: string): string {
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) throw new Error(`${digest} is no digest`);
  return `blobs/sha256/${digest.slice('sha256:'.length)}`;
}

function parse(content: Buffer): unknown {
  return JSON.parse(content.toString('utf8'));
}
