/**
 * The image on its way, by its digest: an archive in `out/`, and registries. What is written here is read by shell scripts.
 *
 *   oci.ts pack NAME TAG SAVED OUT      `docker save`'s archive SAVED into OUT/image.tar and OUT/image.json
 *   oci.ts check OUT                    that the archive is what OUT/image.json says, and nothing else
 *   oci.ts field OUT FIELD              name, tag, digest, revision or version of OUT/image.json; id of its archive
 *   oci.ts manifest OUT FILE            the manifest, to the byte: what is signed
 *   oci.ts push OUT REPOSITORY          into a registry, without a tag; writes the digest that it has there
 *   oci.ts tag REPOSITORY DIGEST TAG…   gives tags to what is there
 *   oci.ts digest REPOSITORY TAG        what a tag is there; nothing where there is no such tag
 *   oci.ts label REPOSITORY DIGEST KEY  a label of an image there
 *   oci.ts holds REPOSITORY DIGEST TGZ  that the chart there has the files of TGZ, whenever that was packed
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { compressed, digestOf, type Image, readArchive, writeArchive } from './oci/archive.ts';
import { Repository } from './oci/registry.ts';
import { readTar } from './oci/tar.ts';

/** Tags that follow what is newest; every other names one image for ever. */
const MOVING_TAG = /^(latest|pr-\d+)$/;

const CHART_LAYER = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';

/** What each field may be: it goes into commands, messages and files of jobs that have rights. */
const FIELDS = {
  name: /^[a-z0-9][a-z0-9-]{0,62}$/,
  tag: /^\w[\w.-]{0,127}$/,
  digest: /^sha256:[0-9a-f]{64}$/,
  revision: /^([0-9a-f]{40}(-dirty)?|unknown)$/,
  version: /^\d+\.\d+\.\d+[\w.+-]*$/,
} as const;

type Field = keyof typeof FIELDS;
type Description = Readonly<Record<Field, string>>;

function describe(out: string): Description {
  const file = join(out, 'image.json');
  const found = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  for (const [field, form] of Object.entries(FIELDS)) {
    const value = found[field];
    if (typeof value !== 'string' || !form.test(value)) throw new Error(`${file}: ${field} is not what it may be`);
  }
  return found as Description;
}

/** The archive, once it is known to be the image that image.json is about. */
function checked(out: string): Image {
  const { digest, revision, version } = describe(out);
  const file = join(out, 'image.tar');
  const image = inFile(file, readArchive);
  if (image.digest !== digest)
    throw new Error(`${file} has ${image.digest}, image.json ${digest}: they are not of one build`);
  const labelled = labelsOf(image);
  if (labelled.revision !== revision || labelled.version !== version) {
    throw new Error(`${file} is of ${labelled.revision}, version ${labelled.version}; image.json says something else`);
  }
  return image;
}

function inFile(file: string, read: (content: Buffer) => Image): Image {
  try {
    return read(readFileSync(file));
  } catch (error) {
    throw new Error(`${file} is not the archive of an image: ${(error as Error).message}`, { cause: error });
  }
}

function labelsOf({ labels }: Image): { revision: string; version: string } {
  return {
    revision: labels['org.opencontainers.image.revision'] ?? 'unknown',
    version: labels['org.opencontainers.image.version'] ?? '0.0.0',
  };
}

function pack(name: string, tag: string, saved: string, out: string): string {
  const image = compressed(inFile(saved, readArchive));
  const description: Description = { name, tag, digest: image.digest, ...labelsOf(image) };
  mkdirSync(out, { recursive: true });
  writeFileSync(join(out, 'image.tar'), writeArchive(image, name, tag));
  writeFileSync(join(out, 'image.json'), `${JSON.stringify(description, undefined, 2)}\n`);
  return image.digest;
}

function field(out: string, name: string): string {
  if (name === 'id') return checked(out).id;
  if (!Object.hasOwn(FIELDS, name)) throw new Error(`there is no field ${name}`);
  return describe(out)[name as Field];
}

async function tag(repository: Repository, digest: string, tags: readonly string[]): Promise<string> {
  const said: string[] = [];
  for (const name of tags) {
    const before = await repository.digestOf(name);
    if (before !== undefined && before !== digest && !MOVING_TAG.test(name)) {
      throw new Error(`${name} is ${before} already, and such a tag never moves`);
    }
    if (before !== digest) await repository.tag(digest, name);
    said.push(before === digest ? `${name} already` : name);
  }
  return said.join(', ');
}

async function label(repository: Repository, digest: string, key: string): Promise<string> {
  const found = await repository.manifest(digest);
  if (found === undefined) throw new Error(`the registry has no ${digest}`);
  const manifest = JSON.parse(found.content.toString('utf8')) as { config?: { digest: string } };
  if (manifest.config === undefined) throw new Error(`${digest} is no image of one platform`);
  const config = JSON.parse((await repository.blob(manifest.config.digest)).toString('utf8')) as {
    config?: { Labels?: Readonly<Record<string, string>> };
  };
  return config.config?.Labels?.[key] ?? '';
}

async function holds(repository: Repository, digest: string, tgz: string): Promise<string> {
  const found = await repository.manifest(digest);
  if (found === undefined) throw new Error(`the registry has no ${digest}`);
  const { layers = [] } = JSON.parse(found.content.toString('utf8')) as {
    layers?: readonly { digest: string; mediaType: string }[];
  };
  // Whoever may push could have put it there to have it signed: Helm takes what is of its type, so there is nothing else.
  const [layer] = layers;
  if (layer?.mediaType !== CHART_LAYER || layers.length !== 1)
    throw new Error(`${digest} is not a chart and nothing else`);
  const files = (content: Buffer): string =>
    [...readTar(gunzipSync(content), { strict: true })]
      .map(([name, text]) => `${name} ${digestOf(text)}`)
      .sort()
      .join('\n');
  if (files(await repository.blob(layer.digest)) !== files(readFileSync(tgz))) {
    throw new Error(`${digest} there has other files than ${tgz}`);
  }
  return digest;
}

const COMMANDS: Readonly<Record<string, (...args: string[]) => string | undefined | Promise<string | undefined>>> = {
  pack,
  check: (out = '') => checked(out).digest,
  field: (out = '', name = '') => field(out, name),
  manifest: (out = '', file = '') => writeFileSync(file, checked(out).manifest) as undefined,
  push: async (out = '', name = '') => {
    const image = checked(out);
    const digest = await new Repository(name).push(image);
    if (digest !== image.digest) throw new Error(`the registry has it as ${digest}, it was ${image.digest}`);
    return digest;
  },
  tag: async (name = '', digest = '', ...tags) => tag(new Repository(name), digest, tags),
  digest: async (name = '', wanted = '') => new Repository(name).digestOf(wanted),
  holds: async (name = '', digest = '', tgz = '') => holds(new Repository(name), digest, tgz),
  label: async (name = '', digest = '', key = '') => label(new Repository(name), digest, key),
};

const [command = '', ...args] = process.argv.slice(2);
const run = COMMANDS[command];
try {
  if (run === undefined) throw new Error(`there is no command '${command}': see the head of scripts/ci/oci.ts`);
  const said = await run(...args);
  if (said !== undefined && said !== '') console.log(said);
} catch (error) {
  console.error(`oci ${command}: ${(error as Error).message}`);
  process.exitCode = 1;
}
