/**
 * What the release of an environment is made of, without a cluster.
 *
 *   release-values.ts non-prod|prod --value PATH                 one value, as the chart gets it: migrations.enabled
 *   release-values.ts non-prod|prod --tag TAG --digest sha256:…  all of them, as Kustomize makes them for that image
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse, parseAllDocuments, stringify } from 'yaml';
import { pathsOf, withRelease } from './gitops/release.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const CHART = 'deploy/helm/hello-world';

type Tree = Readonly<Record<string, unknown>>;

interface HelmRelease {
  readonly kind: string;
  readonly spec: { readonly values: Tree };
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

/** As Helm lays values over values. */
function laidOver(below: Tree, above: Tree): Tree {
  const merged = Object.entries(above).map(([key, value]) => {
    const under = below[key];
    return [key, isTree(under) && isTree(value) ? laidOver(under, value) : value] as const;
  });
  return { ...below, ...Object.fromEntries(merged) };
}

function valueOf(environment: string, path: string): unknown {
  const read = (file: string): unknown => parse(readFileSync(join(ROOT, file), 'utf8'));
  const valuesIn = (file: string): Tree => (read(file) as HelmRelease).spec.values;
  const values = [
    valuesIn('deploy/flux/base/release/hello-world-helmrelease.yaml'),
    valuesIn(`deploy/flux/${environment}/release/hello-world-helmrelease.yaml`),
  ].reduce(laidOver, read(`${CHART}/values.yaml`) as Tree);
  return path.split('.').reduce<unknown>((node, key) => (isTree(node) ? node[key] : undefined), values);
}

/** In a copy, since the files are to stay as they are. */
function rendered(environment: 'non-prod' | 'prod', tag: string, digest: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'release-'));
  try {
    cpSync(join(ROOT, 'deploy/flux'), join(copy, 'deploy/flux'), { recursive: true });
    const paths = pathsOf(environment, 'a', '');
    const files = new Map(paths.map((path) => [path, readFileSync(join(copy, path), 'utf8')]));
    for (const [path, text] of withRelease(files, { tag, digest }, 'a')) writeFileSync(join(copy, path), text);
    const folder = join(copy, 'deploy/flux', environment, 'release');
    return execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8', stdio: 'pipe' });
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function main(): void {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      value: { type: 'string' },
      tag: { type: 'string' },
      digest: { type: 'string' },
    },
  });
  const [environment] = positionals;
  if (environment !== 'non-prod' && environment !== 'prod')
    throw new Error('say of which environment: non-prod or prod');
  if (values.value !== undefined) {
    const found = valueOf(environment, values.value);
    console.log(typeof found === 'string' ? found : JSON.stringify(found ?? ''));
    return;
  }
  if (!values.tag || !/^sha256:[0-9a-f]{64}$/.test(values.digest ?? ''))
    throw new Error('--tag and --digest say which image');
  const manifests = rendered(environment, values.tag, values.digest ?? '');
  const documents = parseAllDocuments(manifests).map((document) => document.toJS() as HelmRelease);
  const release = documents.find(({ kind }) => kind === 'HelmRelease');
  if (release === undefined) throw new Error(`deploy/flux/${environment}/release renders no HelmRelease`);
  console.log(stringify(release.spec.values));
}

try {
  main();
} catch (error) {
  const { message, stderr } = error as Error & { stderr?: string };
  console.error(`release-values: ${(stderr || message).trim().split('\n').at(-1)}`);
  process.exitCode = 1;
}
