import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { digestOf } from '../../scripts/ci/oci/archive.js';
import { writeTar } from '../../scripts/ci/oci/tar.js';
import { purlOf } from '../../scripts/ci/sbom/subject.js';

export const REVISION = '1234567890123456789012345678901234567890';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar';

/** An image of one small file, as `docker save` writes it. @returns the file */
export function savedImage(folder: string, text: string, labels: Readonly<Record<string, string>> = {}): string {
  const layer = writeTar(new Map([['hello.txt', Buffer.from(text)]]));
  const config = json({
    architecture: 'amd64',
    os: 'linux',
    config: {
      Labels: {
        'org.opencontainers.image.revision': REVISION,
        'org.opencontainers.image.version': '1.2.3',
        ...labels,
      },
    },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.length },
    layers: [{ mediaType: LAYER, digest: digestOf(layer), size: layer.length }],
  });
  const index = json({
    schemaVersion: 2,
    manifests: [{ mediaType: MANIFEST, digest: digestOf(manifest), size: manifest.length }],
  });
  const file = join(folder, 'saved.tar');
  const blobs = [layer, config, manifest].map((blob) => [`blobs/sha256/${digestOf(blob).slice(7)}`, blob] as const);
  writeFileSync(file, writeTar(new Map([['index.json', index], ...blobs])));
  return file;
}

/** SBOMs that say of which image they are, and no more. */
export function writeSboms(folder: string, digest: string): void {
  const purl = purlOf(digest);
  const described = { SPDXID: 'SPDXRef-image', externalRefs: [{ referenceLocator: purl }] };
  const spdx = { spdxVersion: 'SPDX-2.3', documentDescribes: [described.SPDXID], packages: [described] };
  const cycloneDx = { bomFormat: 'CycloneDX', metadata: { component: { purl } } };
  writeFileSync(join(folder, 'sbom.spdx.json'), json(spdx));
  writeFileSync(join(folder, 'sbom.cdx.json'), json(cycloneDx));
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
