import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { type Ended, ROOT, runStep } from './script.js';

/** A gh that keeps what it is given in a file, and answers by it as GitHub does. */
const GH = `#!/usr/bin/env node
const { readFileSync, writeFileSync, appendFileSync } = require('node:fs');
const { join } = require('node:path');
const [, , command, ...rest] = process.argv;
if (command === 'auth') process.exit(process.env.GH_TOKEN ? 0 : 1);
const file = join(__dirname, 'state.json');
const state = JSON.parse(readFileSync(file, 'utf8'));
const method = rest[rest.indexOf('--method') + 1];
const path = rest.at(-1).replace(/\\?.*/, '');
const gone = () => { process.stderr.write('gh: Not Found (HTTP 404)'); process.exit(1); };
const body = rest.includes('--input') ? JSON.parse(readFileSync(0, 'utf8')) : undefined;
if (method !== 'GET' && process.env.GH_TOKEN === 'may-not') gone();
if (method !== 'GET') appendFileSync(join(__dirname, 'changes'), method + ' ' + path + '\\n');
const say = (value) => process.stdout.write(JSON.stringify(value));
const policies = /^(.*\\/environments\\/[\\w-]+)\\/deployment-branch-policies(?:\\/(\\d+))?$/.exec(path);
if (policies) {
  const environment = state[policies[1]] ?? gone();
  environment.policies ??= [];
  if (method === 'POST') environment.policies.push({ id: environment.policies.length + 1, ...body });
  if (method === 'DELETE') environment.policies = environment.policies.filter(({ id }) => id !== Number(policies[2]));
  if (method === 'GET') say({ branch_policies: environment.policies });
} else if (path.endsWith('/rulesets')) {
  const rulesets = Object.entries(state).filter(([key]) => key.startsWith(path + '/')).map(([, value]) => value);
  if (method === 'GET') say(rulesets.map(({ id, name }) => ({ id, name })));
  else state[path + '/' + (rulesets.length + 1)] = { id: rulesets.length + 1, ...body, rules: body.rules.toReversed() };
} else if (method === 'GET') {
  const found = state[path] ?? gone();
  if (!path.includes('/environments/')) say(found);
  else say({
    name: found.name,
    deployment_branch_policy: found.deployment_branch_policy,
    protection_rules: [
      ...(found.reviewers.length > 0
        ? [{ type: 'required_reviewers', prevent_self_review: found.prevent_self_review, reviewers: found.reviewers.map(({ type }) => ({ type, reviewer: { slug: 'platform' } })) }]
        : []),
      { type: 'branch_policy' },
    ],
  });
} else state[path] = { ...state[path], ...body };
writeFileSync(file, JSON.stringify(state));
`;
const BASE = 'repos/acme/hello-world';
/** A repository as it is made, and the team that reviews. */
const NEW: Readonly<Record<string, unknown>> = {
  [BASE]: { allow_auto_merge: false, allow_merge_commit: true },
  [`${BASE}/actions/permissions`]: { enabled: true, allowed_actions: 'all' },
  [`${BASE}/actions/permissions/workflow`]: { default_workflow_permissions: 'write' },
  'orgs/acme/teams/platform': { id: 7 },
};

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'github-settings-'));
  writeFileSync(join(folder, 'gh'), GH);
  chmodSync(join(folder, 'gh'), 0o755);
  writeFileSync(join(folder, 'state.json'), JSON.stringify(NEW));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const settings = (args: readonly string[], token: string | undefined = 'a-token'): Promise<Ended> =>
  runStep('github-settings.ts', [...args, 'acme/hello-world'], {
    env: { PATH: `${folder}:${dirname(process.execPath)}:/usr/bin:/bin`, ...(token ? { GH_TOKEN: token } : {}) },
  });

const changes = (): string[] => readFileSync(join(folder, 'changes'), 'utf8').trim().split('\n');

describe('scripts/ci/github-settings.ts', () => {
  it('without a token it names what it would look at, and is skipped', async () => {
    const ended = await settings([], '');

    expect(ended.code).toBe(0);
    expect(ended.stdout).toContain('.github/rulesets/main.json');
    expect(ended.stdout).toMatch(/^skipped: gh has no token/m);
  });

  it('tells what GitHub has otherwise, and changes nothing', async () => {
    const ended = await settings([]);

    expect(ended.code).toBe(1);
    expect(ended.stdout).toContain('the repository: allow_auto_merge is false, not true');
    expect(ended.stdout).toContain("the ruleset 'main': it is not there");
    expect(ended.stdout).toContain("the environment 'prod': it is not there");
    expect(readdirSync(folder)).not.toContain('changes');
  });

  it('sets it, and afterwards finds nothing to set', async () => {
    const first = await settings(['--apply']);
    const applied = changes();
    const second = await settings(['--apply']);
    const compared = await settings([]);

    expect([first.code, second.code, compared.code]).toEqual([0, 0, 0]);
    expect(applied).toContain(`PUT ${BASE}/environments/prod`);
    expect(applied.filter((change) => change === `POST ${BASE}/rulesets`)).toHaveLength(3);
    expect(changes()).toEqual(applied);
    expect(compared.stdout).toContain("the ruleset 'main': as it should be");
    const state = JSON.parse(readFileSync(join(folder, 'state.json'), 'utf8')) as Record<
      string,
      { reviewers?: unknown }
    >;
    expect(state[`${BASE}/environments/prod`]?.reviewers).toEqual([{ type: 'Team', id: 7 }]);
  });

  it('finds what somebody has changed by hand: a rule that is gone, a branch that may deploy', async () => {
    await settings(['--apply']);
    const file = join(folder, 'state.json');
    const state = JSON.parse(readFileSync(file, 'utf8')) as Record<
      string,
      { name: string; rules: { type: string }[]; policies: unknown[] }
    >;
    const main = Object.values(state).find(({ name }) => name === 'main')!;
    main.rules = main.rules.filter(({ type }) => type !== 'required_status_checks');
    state[`${BASE}/environments/prod`]!.policies.push({ id: 9, type: 'branch', name: '*' });
    writeFileSync(file, JSON.stringify(state));

    const compared = await settings([]);
    const applied = await settings(['--apply']);
    const again = await settings([]);

    expect(compared.code).toBe(1);
    expect(compared.stdout).toContain("the ruleset 'main': rules is");
    expect(compared.stdout).toContain("the environment 'prod': branch * may deploy to it");
    expect([applied.code, again.code]).toEqual([0, 0]);
  });

  it('does not say that it has set what GitHub did not let it set', async () => {
    const ended = await settings(['--apply'], 'may-not');

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain(`GitHub refused PATCH ${BASE}`);
  });

  it('a team that is not there is named', async () => {
    writeFileSync(join(folder, 'state.json'), JSON.stringify({ ...NEW, 'orgs/acme/teams/platform': undefined }));

    const ended = await settings(['--apply']);

    expect(ended.code).toBe(1);
    expect(ended.stderr).toContain('there is no team platform');
  });
});

describe('the settings', () => {
  const read = (path: string): Record<string, unknown> =>
    JSON.parse(readFileSync(join(ROOT, '.github', path), 'utf8')) as Record<string, unknown>;

  it('main asks for the verdict of ci.yml, by GitHub Actions and nobody else', () => {
    const rules = read('rulesets/main.json')['rules'] as { type: string; parameters: Record<string, unknown> }[];
    const checks = rules.find(({ type }) => type === 'required_status_checks')?.parameters['required_status_checks'];
    const workflow = readFileSync(join(ROOT, '.github/workflows/ci.yml'), 'utf8');

    expect(checks).toEqual([{ context: 'verdict', integration_id: 15368 }]);
    expect(workflow).toMatch(/^ {2}verdict:\n {4}name: verdict$/m);
    expect(read('rulesets/main.json')['bypass_actors']).toEqual([]);
  });

  it('an environment of the workflows has a file, and takes main and releases only', () => {
    const workflow = readFileSync(join(ROOT, '.github/workflows/ci.yml'), 'utf8');
    const used = [...workflow.matchAll(/^ {4}environment:\n {6}name: (\S+)$/gm)].map(([, name]) => name);
    const files = readdirSync(join(ROOT, '.github/environments')).map((file) => read(`environments/${file}`));

    expect(new Set(files.map(({ name }) => name))).toEqual(new Set(used));
    expect(files.flatMap(({ policies }) => (policies as { name: string }[]).map(({ name }) => name))).toEqual([
      'main',
      'main',
      'release/*',
    ]);
    expect(read('environments/prod.json')['reviewers']).toHaveLength(1);
  });

  it('what merges itself has no owner, and everything else has', () => {
    const owners = readFileSync(join(ROOT, '.github/CODEOWNERS'), 'utf8')
      .split('\n')
      .filter((line) => /^[/*]/.test(line))
      .map((line) => line.split(/\s+/));

    expect(owners.filter(([, owner]) => owner === undefined)).toEqual([
      ['/deploy/flux/non-prod/release/hello-world-helmrelease.yaml'],
    ]);
    expect(owners[0]).toEqual(['*', expect.stringMatching(/^@/)]);
  });

  it('Dependabot waits before it takes a version that is new, groups what belongs together, and looks everywhere', () => {
    interface Update {
      readonly 'package-ecosystem': string;
      readonly cooldown?: { readonly 'default-days': number };
      readonly groups?: object;
      readonly directories?: readonly string[];
    }
    const { updates } = parse(readFileSync(join(ROOT, '.github/dependabot.yml'), 'utf8')) as {
      updates: readonly Update[];
    };

    expect(updates.map((update) => update['package-ecosystem'])).toEqual(['npm', 'github-actions', 'gomod']);
    expect(updates.filter(({ cooldown, groups }) => !((cooldown?.['default-days'] ?? 0) >= 7) || !groups)).toEqual([]);
    // Actions are pinned in local actions too.
    expect(updates[1]?.directories).toEqual(['/', '/.github/actions/*']);
  });
});
