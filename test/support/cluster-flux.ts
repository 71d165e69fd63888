/** Flux, as a cluster has it: what the tests ask of it. */
import { spawnSync } from 'node:child_process';
import { kubectl, tryKubectl } from './cluster.js';

const CONTROLLERS = ['source', 'kustomize', 'helm', 'notification'].map((name) => `deployment/${name}-controller`);
const KINDS = ['gitrepositories', 'ocirepositories', 'helmcharts', 'kustomizations', 'helmreleases'];

/** Why nobody follows a repository; `undefined` where Flux does. Ask `whyNoCluster` first. */
export function whyNoFluxController(): string | undefined {
  return asked('--namespace=flux-system', ...CONTROLLERS).status === 0
    ? undefined
    : 'the cluster has no Flux in flux-system';
}

/** Why there is no Flux that tests may give the environments to; `undefined` where there is one. Ask `whyNoCluster` first. */
export function whyNoFlux(): string | undefined {
  const missing = whyNoFluxController();
  if (missing !== undefined) return missing;
  const environments = ['hello-world-non-prod', 'hello-world-prod'];
  const { stdout } = asked('namespaces', ...environments, '--ignore-not-found', '--output=name');
  const found = stdout.trim().split('\n').join(' and ');
  return found === '' ? undefined : `the cluster has ${found} already, which may be somebody's`;
}

function asked(...what: readonly string[]) {
  return spawnSync('kubectl', ['--request-timeout=10s', 'get', ...what], { encoding: 'utf8' });
}

/** Has Flux look now, as docs/how-to/gitops.md says. */
export async function askFlux(namespace: string, ...objects: readonly string[]): Promise<void> {
  const now = `reconcile.fluxcd.io/requestedAt=${Date.now()}`;
  await kubectl(['--namespace', namespace, 'annotate', '--overwrite', ...objects, now]);
}

/** An object of Flux, as far as tests ask. */
export interface FluxObject {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly generation: number };
  readonly status: {
    readonly conditions: readonly FluxCondition[];
    /** Of a HelmRelease, the newest first. */
    readonly history?: readonly {
      readonly version: number;
      readonly status: string;
      readonly chartVersion: string;
      readonly testHooks?: Readonly<Record<string, { readonly phase: string }>>;
    }[];
  };
}

export interface FluxCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

export async function fluxObject(namespace: string, object: string): Promise<FluxObject> {
  return JSON.parse(await kubectl(['--namespace', namespace, 'get', object, '--output=json'])) as FluxObject;
}

export async function condition(namespace: string, object: string, type: string): Promise<FluxCondition | undefined> {
  const { status } = await fluxObject(namespace, object);
  return status.conditions.find((one) => one.type === type);
}

/** Waits for what `kubectl wait --for` understands, also of an object that is still to come. */
export async function waitFor(namespace: string, object: string, what: string, timeoutMs: number): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (const awaited of what === 'delete' ? [what] : ['create', what]) {
    const seconds = Math.ceil(Math.max(1_000, end - Date.now()) / 1_000);
    const wait = ['wait', object, `--for=${awaited}`, `--timeout=${seconds}s`];
    const { ok, stderr } = await tryKubectl(['--namespace', namespace, ...wait], { timeoutMs: timeoutMs + 10_000 });
    if (!ok) throw new Error(`${namespace} ${object}, ${awaited}: ${stderr}\n${await fluxState()}`);
  }
}

/** Waits until a Kustomization has applied a revision, with all that it waits for itself. */
export async function waitForRevision(
  namespace: string,
  name: string,
  revision: string,
  timeoutMs: number,
): Promise<void> {
  const path = `jsonpath={.status.lastAppliedRevision}=${revision}`;
  await waitFor(namespace, `kustomizations.kustomize.toolkit.fluxcd.io/${name}`, path, timeoutMs);
}

/** What Flux says of everything it has, for a person who wonders. */
async function fluxState(): Promise<string> {
  return (await tryKubectl(['get', KINDS.join(','), '--all-namespaces'])).stdout;
}
