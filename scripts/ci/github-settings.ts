/**
 * The settings of the repository on GitHub that the pipeline counts on, as files: .github/repository.json,
 * .github/rulesets, .github/environments.
 *
 *   github-settings.ts [OWNER/NAME]          says where GitHub has something else (exit code 1)
 *   github-settings.ts --apply [OWNER/NAME]  and sets it so
 *
 * It speaks by `gh api`, with the token that gh has (GH_TOKEN, or `gh auth login`) and that may administer the
 * repository. Without one it says what it would look at. What the files do not name stays as it is; a ruleset or an
 * environment that has no file is told, and left alone.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Report } from './report.ts';

const GITHUB = resolve(import.meta.dirname, '../../.github');

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
type JsonObject = { readonly [key: string]: Json };

/** One thing on GitHub and what it is to be. */
interface Setting {
  readonly what: string;
  readonly path: string;
  readonly method: 'PATCH' | 'PUT' | 'POST';
  readonly wanted: JsonObject;
  /** What GitHub has; `undefined`: nothing. */
  readonly found: JsonObject | undefined;
}

interface EnvironmentFile {
  readonly name: string;
  readonly reviewers: readonly { readonly type: 'Team' | 'User'; readonly slug: string }[];
  readonly policies: readonly { readonly type: string; readonly name: string }[];
  readonly [key: string]: Json;
}

class GitHubProblem extends Error {}

const report = new Report('github-settings');

function read(path: string): JsonObject {
  return JSON.parse(readFileSync(join(GITHUB, path), 'utf8')) as JsonObject;
}

const filesOf = (folder: string): string[] => readdirSync(join(GITHUB, folder)).sort();

/** @returns `undefined` where there is no such thing */
function ask(path: string, method = 'GET', body?: JsonObject): Json | undefined {
  const input = body === undefined ? [] : ['--input', '-'];
  const { status, stdout, stderr, error } = spawnSync('gh', ['api', '--method', method, ...input, path], {
    encoding: 'utf8',
    ...(body === undefined ? {} : { input: JSON.stringify(body) }),
  });
  if (error) throw new GitHubProblem(`gh does not run: ${error.message}`);
  if (status === 0) return stdout.trim() === '' ? null : (JSON.parse(stdout) as Json);
  // It also answers so to who may not know, and what was to be set is then not set.
  if (method === 'GET' && stderr.includes('HTTP 404')) return undefined;
  throw new GitHubProblem(`GitHub refused ${method} ${path}: ${stderr.trim()}`);
}

/** Where what is there differs from what is wanted; what is not named does not count. */
function differences(wanted: Json, found: Json | undefined, at = ''): string[] {
  if (isObject(wanted)) {
    const has = isObject(found) ? found : {};
    return Object.entries(wanted).flatMap(([key, value]) =>
      differences(value, has[key], at === '' ? key : `${at}.${key}`),
    );
  }
  if (Array.isArray(wanted) && Array.isArray(found) && wanted.length === found.length) {
    const left: Json[] = [...wanted].sort(byText);
    const right: Json[] = [...found].sort(byText);
    return left.flatMap((value, index) => differences(value, right[index], `${at}[${index}]`));
  }
  const same = JSON.stringify(wanted) === JSON.stringify(found);
  return same ? [] : [`${at} is ${JSON.stringify(found) ?? 'not there'}, not ${JSON.stringify(wanted)}`];
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Rules by their type, others as they read: GitHub gives lists in an order of its own. */
function byText(one: Json, other: Json): number {
  const key = (value: Json): string =>
    JSON.stringify(isObject(value) ? [value['type'] ?? null, value['context'] ?? null, value] : value);
  return key(one) < key(other) ? -1 : 1;
}

function ofRepository(repository: string): Setting[] {
  const file = read('repository.json') as Readonly<Record<'repository' | 'actions' | 'token' | 'forks', JsonObject>>;
  const base = `repos/${repository}`;
  const places = [
    ['the repository', base, 'PATCH', file.repository],
    ['actions', `${base}/actions/permissions`, 'PUT', file.actions],
    ['the token of workflows', `${base}/actions/permissions/workflow`, 'PUT', file.token],
    ['approval of forks', `${base}/actions/permissions/fork-pr-contributor-approval`, 'PUT', file.forks],
  ] as const;
  return places.map(([what, path, method, wanted]) => ({ what, path, method, wanted, found: asObject(ask(path)) }));
}

const asObject = (value: Json | undefined): JsonObject | undefined => (isObject(value) ? value : undefined);

function ofRulesets(repository: string): Setting[] {
  const known = (ask(`repos/${repository}/rulesets?includes_parents=false`) ?? []) as readonly {
    id: number;
    name: string;
  }[];
  const files = filesOf('rulesets').map((file) => read(`rulesets/${file}`) as JsonObject & { name: string });
  for (const { name } of known.filter(({ name }) => !files.some((file) => file.name === name))) {
    report.say(`the ruleset '${name}' has no file`);
  }
  return files.map((wanted) => {
    const id = known.find(({ name }) => name === wanted.name)?.id;
    const path = `repos/${repository}/rulesets${id === undefined ? '' : `/${id}`}`;
    const found = id === undefined ? undefined : asObject(ask(path));
    return { what: `the ruleset '${wanted.name}'`, path, method: id === undefined ? 'POST' : 'PUT', wanted, found };
  });
}

/** An environment as the file has it, with teams by name, and not by number. */
function environmentOf(repository: string, name: string): JsonObject | undefined {
  interface Found {
    readonly protection_rules: readonly {
      readonly type: string;
      readonly wait_timer?: number;
      readonly prevent_self_review?: boolean;
      readonly reviewers?: readonly {
        readonly type: string;
        readonly reviewer: { readonly slug?: string; readonly login?: string };
      }[];
    }[];
    readonly deployment_branch_policy: Json;
  }
  const found = ask(`repos/${repository}/environments/${name}`) as unknown as Found | undefined;
  if (found === undefined) return undefined;
  const rule = (type: string): Found['protection_rules'][number] | undefined =>
    found.protection_rules.find((one) => one.type === type);
  const reviewers = rule('required_reviewers');
  return {
    wait_timer: rule('wait_timer')?.wait_timer ?? 0,
    prevent_self_review: reviewers?.prevent_self_review ?? false,
    reviewers: (reviewers?.reviewers ?? []).map(({ type, reviewer }) => ({
      type,
      slug: reviewer.slug ?? reviewer.login ?? '',
    })),
    deployment_branch_policy: found.deployment_branch_policy,
  };
}

function reviewerId(repository: string, { type, slug }: EnvironmentFile['reviewers'][number]): Json {
  const path = type === 'Team' ? `orgs/${repository.split('/')[0]}/teams/${slug}` : `users/${slug}`;
  const found = asObject(ask(path));
  if (found === undefined)
    throw new GitHubProblem(
      `there is no ${type.toLowerCase()} ${slug}: name one in .github/environments that may review`,
    );
  return { type, id: found['id'] ?? null };
}

/** Sets one environment, or says what differs. @returns whether it is as it should be */
function environment(repository: string, file: EnvironmentFile, apply: boolean): boolean {
  const { name, policies, ...wanted } = file;
  const path = `repos/${repository}/environments/${name}`;
  const found = environmentOf(repository, name);
  const what = `the environment '${name}'`;
  const known = (
    found === undefined ? [] : (asObject(ask(`${path}/deployment-branch-policies`))?.['branch_policies'] ?? [])
  ) as readonly {
    readonly id: number;
    readonly name: string;
    readonly type: string;
  }[];
  const key = (policy: { readonly type: string; readonly name: string }): string => `${policy.type} ${policy.name}`;
  const missing = policies.filter((policy) => !known.some((one) => key(one) === key(policy)));
  const tooMany = known.filter((policy) => !policies.some((one) => key(one) === key(policy)));
  const differ = [
    ...(found === undefined ? ['it is not there'] : differences(wanted, found)),
    ...missing.map((policy) => `${key(policy)} may not deploy to it`),
    ...tooMany.map((policy) => `${key(policy)} may deploy to it`),
  ];
  if (!tell(what, differ, apply)) return true;
  if (!apply) return false;
  ask(path, 'PUT', { ...wanted, reviewers: file.reviewers.map((reviewer) => reviewerId(repository, reviewer)) });
  for (const { type, name: pattern } of missing)
    ask(`${path}/deployment-branch-policies`, 'POST', { type, name: pattern });
  for (const { id } of tooMany) ask(`${path}/deployment-branch-policies/${id}`, 'DELETE');
  return true;
}

/** @returns whether anything differs */
function tell(what: string, differ: readonly string[], apply: boolean): boolean {
  if (differ.length === 0) report.say(`${what}: as it should be`);
  for (const sentence of differ) report.say(`${what}: ${sentence}${apply ? '; set' : ''}`);
  return differ.length > 0;
}

function whyNoToken(): string | undefined {
  const { error, status } = spawnSync('gh', ['auth', 'token'], { stdio: 'ignore' });
  if (error) return 'there is no gh on the PATH';
  return status === 0 ? undefined : 'gh has no token: set GH_TOKEN, or gh auth login';
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { apply: { type: 'boolean', default: false } },
  });
  const missing = whyNoToken();
  if (missing !== undefined) {
    const files = [
      'repository.json',
      ...['rulesets', 'environments'].flatMap((folder) => filesOf(folder).map((file) => `${folder}/${file}`)),
    ];
    report.say(`it would compare with GitHub: ${files.map((file) => `.github/${file}`).join(', ')}`);
    report.skipped(missing);
    return;
  }
  const repository = positionals[0] ?? process.env['GITHUB_REPOSITORY'] ?? '';
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository))
    throw new GitHubProblem('say which repository: github-settings.ts OWNER/NAME');

  let well = true;
  for (const { what, path, method, wanted, found } of [...ofRepository(repository), ...ofRulesets(repository)]) {
    const differ = found === undefined ? ['it is not there'] : differences(wanted, found);
    if (!tell(what, differ, values.apply)) continue;
    if (values.apply) ask(path, method, wanted);
    else well = false;
  }
  for (const file of filesOf('environments')) {
    well = environment(repository, read(`environments/${file}`) as EnvironmentFile, values.apply) && well;
  }
  if (!well) report.failed(`GitHub has something else for ${repository}: github-settings.ts --apply sets it`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof GitHubProblem || (error instanceof TypeError && 'code' in error))) throw error;
  report.failed(error.message);
}
