import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';

const ROOT = resolve(import.meta.dirname, '../..');

export type Permissions = Readonly<Record<string, 'read' | 'write'>>;
export type Scalars = Readonly<Record<string, string | number | boolean | null>>;

export interface Step {
  readonly id?: string;
  readonly name?: string;
  readonly if?: string | boolean;
  readonly uses?: string;
  readonly with?: Scalars;
  readonly run?: string;
  readonly shell?: string;
  readonly env?: Scalars;
}

export interface Concurrency {
  readonly group: string;
  readonly 'cancel-in-progress'?: boolean | string;
}

export interface Job {
  readonly name?: string;
  readonly needs?: string | readonly string[];
  readonly if?: string | boolean;
  readonly 'runs-on'?: string | readonly string[];
  readonly 'timeout-minutes'?: number;
  readonly permissions?: Permissions | string;
  readonly environment?: string | { readonly name: string };
  readonly concurrency?: Concurrency;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly env?: Scalars;
  readonly strategy?: { readonly matrix: Readonly<Record<string, readonly string[]>> };
  readonly services?: Readonly<Record<string, { readonly image: string }>>;
  readonly steps?: readonly Step[];
  readonly uses?: string;
  readonly with?: Scalars;
  readonly secrets?: unknown;
}

export interface Trigger {
  readonly types?: readonly string[];
  readonly branches?: readonly string[];
  readonly tags?: readonly string[];
  readonly 'paths-ignore'?: readonly string[];
  readonly inputs?: unknown;
  readonly outputs?: Readonly<Record<string, { readonly value: string }>>;
}

export interface Workflow {
  readonly name: string;
  readonly on: Readonly<Record<string, Trigger | readonly unknown[] | null>>;
  readonly permissions?: Permissions | string;
  readonly concurrency?: Concurrency;
  readonly env?: Scalars;
  readonly jobs: Readonly<Record<string, Job>>;
}

export interface Action {
  readonly inputs?: Readonly<Record<string, { readonly default?: string }>>;
  readonly outputs?: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

/** The workflows and local actions of a repository: their texts by path. */
export type Texts = ReadonlyMap<string, string>;

export interface Pipeline {
  readonly texts: Texts;
  /** By file name, as `ci.yml`. */
  readonly workflows: ReadonlyMap<string, Workflow>;
  /** By the path that `uses` has, as `./.github/actions/setup`. */
  readonly actions: ReadonlyMap<string, Action>;
}

export function readTexts(root = ROOT): Texts {
  const workflows = readdirSync(join(root, '.github/workflows')).map((name) => `.github/workflows/${name}`);
  const actions = readdirSync(join(root, '.github/actions')).map((name) => `.github/actions/${name}/action.yml`);
  return new Map([...workflows, ...actions].map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

/** What was parsed before, by its text: most of it is the same each time. */
const parsed = new Map<string, unknown>();

function parseOnce(text: string): unknown {
  if (!parsed.has(text)) parsed.set(text, parse(text));
  return parsed.get(text);
}

export function parsePipeline(texts: Texts): Pipeline {
  const of = <T>(prefix: string, key: (path: string) => string): Map<string, T> =>
    new Map(
      [...texts].filter(([path]) => path.startsWith(prefix)).map(([path, text]) => [key(path), parseOnce(text) as T]),
    );
  return {
    texts,
    workflows: of<Workflow>('.github/workflows/', (path) => path.slice('.github/workflows/'.length)),
    actions: of<Action>('.github/actions/', (path) => `./${path.slice(0, -'/action.yml'.length)}`),
  };
}

/** `needs`, however it is written. */
export function needsOf(job: Job): readonly string[] {
  return typeof job.needs === 'string' ? [job.needs] : (job.needs ?? []);
}

export function environmentOf(job: Job): string | undefined {
  return typeof job.environment === 'string' ? job.environment : job.environment?.name;
}
