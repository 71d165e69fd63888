/** The content of the branch `previews`: one folder for each preview, and the Kustomization that lists them. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';

const FOLDER = 'previews';
const MANIFESTS = 'preview.yaml';
const NAME = /^pr-[1-9][0-9]*$/;

/** @param root of the branch */
export function putPreview(root: string, name: string, manifests: string): void {
  mkdirSync(join(root, FOLDER, name), { recursive: true });
  writeFileSync(join(root, FOLDER, name, MANIFESTS), manifests);
  writeList(root);
}

export function removePreviews(root: string, names: readonly string[]): void {
  for (const name of names) rmSync(join(root, FOLDER, name), { recursive: true, force: true });
  writeList(root);
}

/** Those whose last day is over. One that does not say when that is has expired too: it would never go. */
export function expiredOn(root: string, today: string): readonly string[] {
  return names(root).filter((name) => (expiresOf(join(root, FOLDER, name, MANIFESTS)) ?? '') < today);
}

function names(root: string): string[] {
  mkdirSync(join(root, FOLDER), { recursive: true });
  return readdirSync(join(root, FOLDER))
    .filter((name) => NAME.test(name))
    .sort();
}

function expiresOf(file: string): string | undefined {
  interface Manifest {
    readonly kind?: string;
    readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  }
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  const objects = parseAllDocuments(text).map((document) => document.toJS() as Manifest | null);
  return objects.find((object) => object?.kind === 'Namespace')?.metadata?.annotations?.['hello-world/expires'];
}

/** Also where there is no preview: without a Kustomization Flux would fail, and the last preview would stay. */
function writeList(root: string): void {
  writeFileSync(
    join(root, FOLDER, 'kustomization.yaml'),
    stringify({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      resources: names(root).map((name) => `${name}/${MANIFESTS}`),
    }),
  );
}
