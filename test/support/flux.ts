/** Renders what Flux applies, from a copy of deploy/flux with an identity of its own. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { type KubeObject, render, type Values } from './helm.js';
import type { KubeSchemas } from './kube-schemas.js';

const ROOT = join(import.meta.dirname, '../..');
export const FLUX = join(ROOT, 'deploy/flux');
export const IDENTITY_FILE = 'identity/identity.yaml';

export const DIGEST = `sha256:${'a'.repeat(64)}`;

/** What a fork would set: the maps of the identity file, by name. */
export const ACME: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  identity: {
    gitRepository: 'https://github.com/acme/hello-world',
    signer: 'acme/hello-world',
    registry: '123456789012.dkr.ecr.eu-central-1.amazonaws.com/acme',
    chart: 'oci://123456789012.dkr.ecr.eu-central-1.amazonaws.com/acme/charts/hello-world',
    clusterIssuer: 'letsencrypt',
  },
  'identity-non-prod': {
    host: 'hello-world.non-prod.acme.com',
    grafana: 'https://grafana.non-prod.acme.com',
    databaseCidr: '10.20.0.0/24',
    secretStore: 'aws-secrets',
  },
  'identity-prod': {
    host: 'hello-world.acme.com',
    grafana: 'https://grafana.acme.com',
    databaseCidr: '10.30.0.0/24',
    secretStore: 'aws-secrets',
  },
  'identity-previews': { domain: 'preview.acme.com' },
  'identity-option-b': { platformRepository: 'https://github.com/acme/platform-design' },
};

/** What the pipeline writes, by file and path. */
const RELEASED: readonly (readonly [file: string, path: readonly string[], value: string])[] = [
  ...['non-prod', 'prod'].flatMap((environment) => [
    [`${environment}/release/hello-world-helmrelease.yaml`, ['spec', 'values', 'image', 'tag'], '0.1.0'] as const,
    [`${environment}/release/hello-world-helmrelease.yaml`, ['spec', 'values', 'image', 'digest'], DIGEST] as const,
  ]),
  ['prod/release/chart.yaml', ['spec', 'ref', 'tag'], '0.1.0'],
  ['prod/release/chart.yaml', ['spec', 'ref', 'digest'], DIGEST],
  ['option-b/hello-world-helmrelease.yaml', ['spec', 'values', 'image', 'tag'], `0.1.0@${DIGEST}`],
];

export const ENVIRONMENTS = ['non-prod', 'prod'] as const;

/** Everything that is rendered on its own: by Flux, or for a first time by hand. */
export const LAYERS = [
  ...ENVIRONMENTS.flatMap((name) => [name, `${name}/secrets`, `${name}/release`]),
  'option-b',
] as const;

export interface Build {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** A copy of deploy/flux that a test may edit. */
export class FluxTree {
  readonly root = mkdtempSync(join(tmpdir(), 'flux-'));
  /** What was rendered since the last edit. */
  readonly #texts = new Map<string, string>();

  /** With everything set that there is to set. */
  constructor() {
    mkdirSync(join(this.root, 'deploy'));
    cpSync(FLUX, join(this.root, 'deploy/flux'), { recursive: true });
    for (const [name, data] of Object.entries(ACME)) {
      for (const [key, value] of Object.entries(data)) this.identify(name, key, value);
    }
    for (const [file, path, value] of RELEASED) this.set(file, path, value);
  }

  /** Sets one value of the identity; `undefined` leaves it empty, as the template has it. */
  identify(name: string, key: string, value: string | undefined): void {
    this.set(IDENTITY_FILE, ['data', key], value, name);
  }

  /** Sets one value of a file; `undefined` leaves it empty. Of several objects in it, the one that is called `name`. */
  set(file: string, path: readonly string[], value: string | undefined, name?: string): void {
    const whole = join(this.root, 'deploy/flux', file);
    const documents = parseAllDocuments(readFileSync(whole, 'utf8'));
    const document = documents.find((one) => name === undefined || one.getIn(['metadata', 'name']) === name);
    if (!document?.hasIn(path)) throw new Error(`${file} has no ${name ?? ''} ${path.join('.')}`);
    document.setIn(path, value ?? null);
    this.#write(whole, documents.map(String).join(''));
  }

  edit(file: string, change: (text: string) => string): void {
    const whole = join(this.root, 'deploy/flux', file);
    const before = readFileSync(whole, 'utf8');
    const after = change(before);
    if (after === before) throw new Error(`nothing in ${file} was changed`);
    this.#write(whole, after);
  }

  #write(file: string, text: string): void {
    this.#texts.clear();
    writeFileSync(file, text);
  }

  tryBuild(layer: string): Build {
    const { status, stdout, stderr, error } = spawnSync('kustomize', ['build', join(this.root, 'deploy/flux', layer)], {
      encoding: 'utf8',
    });
    if (error) throw error;
    return { ok: status === 0, stdout, stderr };
  }

  text(layer: string): string {
    const known = this.#texts.get(layer);
    if (known !== undefined) return known;
    const { ok, stdout, stderr } = this.tryBuild(layer);
    if (!ok) throw new Error(`${layer} does not render: ${stderr}`);
    this.#texts.set(layer, stdout);
    return stdout;
  }

  build(layer: string): KubeObject[] {
    return objectsOf(this.text(layer));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}

export function objectsOf(text: string): KubeObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

/** What kubeconform says of manifests, by the newest version that there are schemas of. */
export function kubeconform({ versions, args }: KubeSchemas, text: string): string {
  const { stdout, stderr, error } = spawnSync(
    'kubeconform',
    ['-strict', '-summary', '-kubernetes-version', versions.at(-1) ?? '', ...args],
    { encoding: 'utf8', input: text },
  );
  if (error) throw error;
  return stdout + stderr;
}

/** A HelmRelease, as far as tests ask. */
export interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly values: Values;
  readonly object: KubeObject;
}

/** The one HelmRelease of a render. */
export function releaseOf(objects: readonly KubeObject[]): Release {
  const object = objects.find(({ kind }) => kind === 'HelmRelease');
  const spec = object?.spec as { releaseName: string; values: Values } | undefined;
  if (object === undefined || spec === undefined) throw new Error('there is no HelmRelease');
  return { name: spec.releaseName, namespace: object.metadata.namespace ?? '', values: spec.values, object };
}

/** What its chart makes of it. */
export function renderRelease({ name, namespace, values }: Release): KubeObject[] {
  return render(values, { release: name, namespace });
}

/** What RBAC calls the kind of an object: `helm.toolkit.fluxcd.io` and `helmreleases`. */
export function resourceOf({ apiVersion, kind }: KubeObject): [group: string, resource: string] {
  const group = apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : '';
  return [group, plural(kind.toLowerCase())];
}
export const plural = (name: string): string =>
  /[^s]s$/.test(name) ? name : `${name.replace(/y$/, 'ie').replace(/ss$/, 'sse')}s`;
