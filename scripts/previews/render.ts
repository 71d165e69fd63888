import { spawnSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import { DAY_MS, dateOf } from '../calendar-date.ts';

/** What a person or a pipeline did wrong, or has to mend, in one sentence. */
export class PreviewError extends Error {}

export interface Preview {
  /** `pr-12`: its folder, its tag, and the first part of its host. */
  readonly name: string;
  /** The image, as `sha256:…`. */
  readonly digest: string;
  /** The last day of its life, as 2026-12-31. */
  readonly expires: string;
}

const MAX_DAYS = 30;
/** RFC 1123, in lower case, as Kubernetes wants it. */
const HOST = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** @throws PreviewError where it is no number of a pull request */
export function previewName(number = ''): string {
  if (!/^[1-9][0-9]{0,5}$/.test(number)) {
    throw new PreviewError(`the pull request is ${JSON.stringify(number)}, and not a number from 1 to 999999`);
  }
  return `pr-${number}`;
}

/** @throws PreviewError where one of them is not what it should be */
export function previewOf(number = '', digest = '', days = ''): Preview {
  const name = previewName(number);
  if (!/^sha256:[0-9a-f]{64}$/.test(digest)) {
    throw new PreviewError(`--digest is ${JSON.stringify(digest)}, and not sha256: with 64 hexadecimal digits`);
  }
  if (!/^[1-9][0-9]?$/.test(days) || Number(days) > MAX_DAYS) {
    throw new PreviewError(`--days is ${JSON.stringify(days)}, and not a number from 1 to ${MAX_DAYS}`);
  }
  return { name, digest, expires: dateOf(Date.now() + Number(days) * DAY_MS) };
}

/** The manifests of one preview, from deploy/flux/previews/preview, and where it will be. */
export function renderPreview(preview: Preview, root: string): { readonly manifests: string; readonly url: string } {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'preview-')));
  try {
    writeFileSync(
      join(folder, 'kustomization.yaml'),
      stringify({
        apiVersion: 'kustomize.config.k8s.io/v1beta1',
        kind: 'Kustomization',
        namespace: `hello-world-${preview.name}`,
        resources: ['preview.yaml'],
        components: [relative(folder, join(realpathSync(root), 'deploy/flux/previews/preview'))],
      }),
    );
    writeFileSync(
      join(folder, 'preview.yaml'),
      stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'preview', annotations: { 'config.kubernetes.io/local-config': 'true' } },
        data: preview,
      }),
    );
    const manifests = build(folder);
    return { manifests, url: `https://${hostOf(manifests)}` };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function build(folder: string): string {
  const { status, stdout, stderr, error } = spawnSync('kustomize', ['build', folder], { encoding: 'utf8' });
  if (error) {
    throw new PreviewError(`kustomize does not run (eval "$(scripts/install-tools.sh)" brings it): ${error.message}`);
  }
  if (status !== 0) throw new PreviewError(`deploy/flux/previews does not render: ${stderr.trim()}`);
  return stdout;
}

function hostOf(manifests: string): string {
  interface Release {
    readonly kind: string;
    readonly spec?: { readonly values: { readonly ingress: { readonly hosts: readonly { readonly host: string }[] } } };
  }
  const objects = parseAllDocuments(manifests).map((document) => document.toJS() as Release);
  const host = objects.find(({ kind }) => kind === 'HelmRelease')?.spec?.values.ingress.hosts[0]?.host ?? '';
  if (!HOST.test(host)) {
    throw new PreviewError(
      `the host would be ${host}, which is no DNS name: identity-previews, domain, in deploy/flux/identity/identity.yaml`,
    );
  }
  return host;
}
