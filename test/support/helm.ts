import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';

export const CHART = join(import.meta.dirname, '../../deploy/helm/hello-world');

/** From the oldest version that the chart allows to the newest there is. */
export const KUBERNETES_VERSIONS = ['1.30.0', '1.33.0', '1.34.0', '1.36.0'] as const;

/** The value sets of `ci/`, by name. */
export const VALUE_SETS: Readonly<Record<string, Values>> = Object.fromEntries(
  readdirSync(join(CHART, 'ci')).map((file) => [
    file.replace('-values.yaml', ''),
    parse(readFileSync(join(CHART, 'ci', file), 'utf8')) as Values,
  ]),
);

export type Values = Readonly<Record<string, unknown>>;

/** What the chart needs to be told at least. */
export const LEAST_VALUES: Values = { image: { repository: 'ghcr.io/acme/hello-world', tag: '1.2.3' } };

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly resources?: {
    readonly requests?: Readonly<Record<string, string>>;
    readonly limits?: Readonly<Record<string, string>>;
  };
  readonly restartPolicy?: string;
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
  readonly [field: string]: unknown;
}

export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly securityContext?: Readonly<Record<string, unknown>>;
  readonly serviceAccountName?: string;
  readonly terminationGracePeriodSeconds?: number;
  readonly volumes?: readonly ({ readonly name: string } & Readonly<Record<string, unknown>>)[];
  readonly [field: string]: unknown;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly data?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

export interface HelmResult {
  readonly ok: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RenderOptions {
  readonly release?: string;
  readonly namespace?: string;
  readonly kubeVersion?: string;
}

export function helm(args: readonly string[], input = ''): HelmResult {
  const { status, stdout, stderr, error } = spawnSync('helm', args, {
    encoding: 'utf8',
    input,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (error) throw error;
  return { ok: status === 0, stdout, stderr };
}

/** `helm template`, and nothing else: it may be refused. */
export function template(values: Values, options: RenderOptions = {}): HelmResult {
  const { release = 'hello-world', namespace = 'hello-world', kubeVersion } = options;
  return helm(
    ['template', release, CHART, '--namespace', namespace, '--values', '-'].concat(
      kubeVersion === undefined ? [] : ['--kube-version', kubeVersion],
    ),
    JSON.stringify(values),
  );
}

/** The objects of a release with these values. */
export function render(values: Values, options?: RenderOptions): KubeObject[] {
  const { ok, stdout, stderr } = template(values, options);
  if (!ok) throw new Error(`the chart does not render: ${stderr}`);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}

export function ofKind(objects: readonly KubeObject[], kind: string): KubeObject[] {
  return objects.filter((object) => object.kind === kind);
}

export function theOne(objects: readonly KubeObject[], kind: string, name?: string): KubeObject {
  const found = ofKind(objects, kind).filter(({ metadata }) => name === undefined || metadata.name === name);
  if (found.length !== 1) throw new Error(`there are ${found.length} ${kind} ${name ?? ''}, not 1`);
  return found[0]!;
}

/** The pod of a Deployment, a Job or a Pod. */
export function podOf(object: KubeObject): PodSpec {
  const spec = object.spec as { template?: { spec: PodSpec } };
  return spec.template?.spec ?? (object.spec as unknown as PodSpec);
}

/** Each pod that the chart makes, by the name of what makes it. */
export function pods(objects: readonly KubeObject[]): [string, PodSpec][] {
  return objects
    .filter(({ kind }) => ['Deployment', 'Job', 'Pod'].includes(kind))
    .map((object) => [`${object.kind} ${object.metadata.name}`, podOf(object)]);
}

export function containers(pod: PodSpec): readonly Container[] {
  return [...(pod.initContainers ?? []), ...pod.containers];
}

/** The pod of the service. */
export function servicePod(objects: readonly KubeObject[]): PodSpec {
  return podOf(theOne(objects, 'Deployment'));
}

/** The environment of the service, by key. */
export function serviceEnv(objects: readonly KubeObject[]): Record<string, string | undefined> {
  return Object.fromEntries((servicePod(objects).containers[0]?.env ?? []).map(({ name, value }) => [name, value]));
}

/** Values put over others, as Helm does it: maps are merged, everything else is replaced. */
export function over(base: Values, ...further: readonly Values[]): Values {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of further.flatMap((values) => Object.entries(values))) {
    const before = merged[key];
    merged[key] = isMap(before) && isMap(value) ? over(before, value) : value;
  }
  return merged;
}

function isMap(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
