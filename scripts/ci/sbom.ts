/**
 * Writes what the image is made of, as SPDX 2.3 and CycloneDX 1.5, by `npm sbom` from what is locked and
 * shipped, and what npm does not know: Node and the base image. Names the image by its digest, where it is built
 * (FOLDER/image.json): without that nothing attests it.
 *
 *   sbom.ts [--out FOLDER]    default: $OUT or out; FOLDER/sbom.spdx.json and FOLDER/sbom.cdx.json
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Report } from './report.ts';
import { purlOf } from './sbom/subject.ts';
import { shippedBy } from './shipped.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const shipped = new Set(shippedBy(join(ROOT, 'package-lock.json')).map(({ id }) => id));
const MAX_OUTPUT_BYTES = 2 ** 26;
/** The last stage is what is shipped. */
const BASE_IMAGE =
  /^FROM +(?:--\S+ +)*(?<name>[^\s:@]+(?::\d+[^\s:@]*)?):(?<tag>[\w.-]+)@(?<digest>sha256:[0-9a-f]{64})/gm;

/** Something in the image that npm did not bring. */
interface Part {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** https://github.com/package-url/purl-spec */
  readonly purl: string;
  readonly licence: string;
  readonly type: 'platform' | 'container';
}

interface Spdx {
  packages: {
    readonly name: string;
    readonly versionInfo: string;
    readonly SPDXID: string;
    readonly [key: string]: unknown;
  }[];
  relationships: {
    readonly spdxElementId: string;
    readonly relatedSpdxElement: string;
    readonly relationshipType: string;
  }[];
  documentDescribes: readonly string[];
}

interface CycloneDx {
  readonly metadata: { readonly component: { readonly 'bom-ref': string } };
  components: {
    readonly name: string;
    readonly version: string;
    readonly 'bom-ref': string;
    readonly [key: string]: unknown;
  }[];
  dependencies: { ref: string; dependsOn: string[] }[];
}

function parts(): readonly Part[] {
  const node = readFileSync(join(ROOT, '.nvmrc'), 'utf8').trim().replace(/^v/, '');
  const base = [...readFileSync(join(ROOT, 'Dockerfile'), 'utf8').matchAll(BASE_IMAGE)].at(-1)?.groups;
  if (base === undefined) throw new Error('the last stage of the Dockerfile names no image by name:tag@digest');
  const { name = '', tag = '', digest = '' } = base;
  const short = name.split('/').at(-1) ?? name;
  return [
    { id: 'node', name: 'node', version: node, purl: `pkg:generic/node@${node}`, licence: 'MIT', type: 'platform' },
    {
      id: 'base-image',
      name,
      version: `${tag}@${digest}`,
      purl: `pkg:oci/${short}@${encodeURIComponent(digest)}?repository_url=${encodeURIComponent(name)}&tag=${tag}`,
      licence: 'NOASSERTION',
      type: 'container',
    },
  ];
}

/** All that is locked: `--omit=dev` would also leave out what is shipped and needed for development as well. */
function npmSbom(format: 'spdx' | 'cyclonedx'): unknown {
  const command = ['sbom', '--package-lock-only', `--sbom-format=${format}`];
  return JSON.parse(execFileSync('npm', command, { cwd: ROOT, encoding: 'utf8', maxBuffer: MAX_OUTPUT_BYTES }));
}

function spdx(found: readonly Part[], image: string | undefined): Spdx {
  const document = npmSbom('spdx') as Spdx;
  const [root = ''] = document.documentDescribes;
  document.packages = document.packages.filter(
    ({ SPDXID, name, versionInfo }) => SPDXID === root || shipped.has(`${name}@${versionInfo}`),
  );
  if (image !== undefined) {
    const described = document.packages.find(({ SPDXID }) => SPDXID === root);
    Object.assign(described ?? {}, { externalRefs: [purlReference(image)] });
  }
  const kept = new Set(['SPDXRef-DOCUMENT', ...document.packages.map(({ SPDXID }) => SPDXID)]);
  document.relationships = document.relationships.filter(
    ({ spdxElementId, relatedSpdxElement }) => kept.has(spdxElementId) && kept.has(relatedSpdxElement),
  );
  for (const { id, name, version, purl, licence, type } of found) {
    const SPDXID = `SPDXRef-${id}`;
    document.packages.push({
      name,
      SPDXID,
      versionInfo: version,
      primaryPackagePurpose: type === 'container' ? 'CONTAINER' : 'APPLICATION',
      downloadLocation: 'NOASSERTION',
      filesAnalyzed: false,
      licenseDeclared: licence,
      externalRefs: [purlReference(purl)],
    });
    document.relationships.push({ spdxElementId: root, relatedSpdxElement: SPDXID, relationshipType: 'DEPENDS_ON' });
  }
  return document;
}

const purlReference = (purl: string) => ({
  referenceCategory: 'PACKAGE-MANAGER',
  referenceType: 'purl',
  referenceLocator: purl,
});

function cycloneDx(found: readonly Part[], image: string | undefined): CycloneDx {
  const document = npmSbom('cyclonedx') as CycloneDx;
  const { component } = document.metadata;
  // npm takes the name of the folder, and an application for a library.
  Object.assign(component, { type: 'application', name: 'hello-world', ...(image ? { purl: image } : {}) });
  document.components = document.components.filter(({ name, version }) => shipped.has(`${name}@${version}`));
  const kept = new Set([component['bom-ref'], ...document.components.map((one) => one['bom-ref'])]);
  document.dependencies = document.dependencies
    .filter(({ ref }) => kept.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((one) => kept.has(one)) }));
  const root = document.dependencies.find(({ ref }) => ref === component['bom-ref']);
  for (const { id, name, version, purl, licence, type } of found) {
    const licences = licence === 'NOASSERTION' ? {} : { licenses: [{ license: { id: licence } }] };
    document.components.push({ 'bom-ref': id, type, name, version, scope: 'required', purl, ...licences });
    document.dependencies.push({ ref: id, dependsOn: [] });
    root?.dependsOn.push(id);
  }
  return document;
}

/** The digest of the image that this is about, where it is built already. */
function builtDigest(out: string): string | undefined {
  const file = join(out, 'image.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { digest: string }).digest : undefined;
}

const report = new Report('sbom');
try {
  const { values } = parseArgs({
    options: { out: { type: 'string', default: process.env['OUT'] ?? resolve(ROOT, 'out') } },
  });
  const found = parts();
  const digest = builtDigest(values.out);
  const image = digest === undefined ? undefined : purlOf(digest);
  mkdirSync(values.out, { recursive: true });
  for (const [name, document] of [
    ['spdx', spdx(found, image)],
    ['cdx', cycloneDx(found, image)],
  ] as const) {
    writeFileSync(join(values.out, `sbom.${name}.json`), `${JSON.stringify(document, undefined, 2)}\n`);
  }
  report.say(`${values.out}/sbom.spdx.json and sbom.cdx.json${digest === undefined ? '' : `, of ${digest}`}`);
} catch (error) {
  report.failed((error as Error).message);
}
