/**
 * Proposes what an environment runs, by tag and digest, as a pull request to what Flux follows. May be run again at any
 * time: what is proposed already stays as it is.
 *
 *   set-digest.ts non-prod|prod --tag TAG --digest sha256:… [--chart-tag TAG] [--chart-digest sha256:…]
 *                 [--option a|b] [--repository REGISTRY/NAME] [--back]
 *   set-digest.ts non-prod|prod --revert --digest sha256:… [--option a|b]    back to what ran before that digest
 *
 * A commit of main (a tag sha-…) does not take the place of a newer one, nor of a release that waits: `--back` says that it
 * is to, all the same. The output `proposed` is whether the environment runs it, or will.
 *
 * Option a: deploy/flux of this repository; the pull request for non-prod merges itself when it is green, prod's waits for
 * somebody. Option b: the platform's repository, which merges by its own rules.
 *
 *   GITOPS_TOKEN         pushes and opens the pull request (or GH_TOKEN); an app's, so that its pipeline runs
 *   GITOPS_REMOTE        where to push to: a URL, a path, a remote of this repository (default: origin; with option b
 *                        PLATFORM_REPOSITORY on GitHub)
 *   GITOPS_BASE          the branch that Flux follows (default: main)
 *   GITOPS_PATH          folder of this service in the platform's repository (default: apps/hello-world)
 *   PLATFORM_REPOSITORY  owner/name, or a name of this owner
 */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { GitOpsProblem } from './gitops/problem.ts';
import { type Proposal, PullRequests } from './gitops/pull-request.ts';
import {
  chartIn,
  type Environment,
  type Files,
  lacksChart,
  type Option,
  pathsOf,
  type Release,
  runningIn,
  TEMPLATE,
  withRelease,
} from './gitops/release.ts';
import { RemoteBranch } from './gitops/remote.ts';
import { Report } from './report.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const TAG = /^\w[\w.-]{0,127}$/;
/** What the pipeline of main names an image by. */
const COMMIT_TAG = /^sha-([0-9a-f]{40})$/;

interface Request {
  readonly environment: Environment;
  readonly option: Option;
  readonly digest: string;
  /** Not there: back to what ran before the digest. */
  readonly release?: Release;
  /** Also in the place of something newer. */
  readonly back: boolean;
}

const report = new Report('set-digest');
const { env } = process;

function requested(): Request {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      tag: { type: 'string' },
      digest: { type: 'string', default: '' },
      'chart-tag': { type: 'string' },
      'chart-digest': { type: 'string' },
      option: { type: 'string', default: 'a' },
      repository: { type: 'string' },
      revert: { type: 'boolean', default: false },
      back: { type: 'boolean', default: false },
    },
  });
  const [environment] = positionals;
  const { digest, option, tag, repository, back } = values;
  if (positionals.length !== 1 || (environment !== 'non-prod' && environment !== 'prod')) {
    throw new GitOpsProblem('say of which environment: set-digest.ts non-prod|prod …');
  }
  if (option !== 'a' && option !== 'b') throw new GitOpsProblem(`--option is a or b, not '${option}'`);
  if (!DIGEST.test(digest)) throw new GitOpsProblem(`--digest '${digest}' is none: sha256: and 64 digits`);
  if (values.revert) return { environment, option, digest, back };
  if (tag === undefined || !TAG.test(tag)) throw new GitOpsProblem(`--tag ${JSON.stringify(tag ?? '')} is none`);
  // A push to main brings no chart for prod.
  const chartDigest = values['chart-digest'] || undefined;
  if (chartDigest !== undefined && !DIGEST.test(chartDigest))
    throw new GitOpsProblem(`--chart-digest '${chartDigest}' is none`);
  const chart = chartDigest === undefined ? {} : { chart: { tag: values['chart-tag'] ?? tag, digest: chartDigest } };
  return {
    environment,
    option,
    digest,
    back,
    release: { tag, digest, ...chart, ...(repository ? { repository } : {}) },
  };
}

function platformRepository(): string | undefined {
  const name = env['PLATFORM_REPOSITORY'];
  if (!name || name.includes('/')) return name || undefined;
  return `${env['GITHUB_REPOSITORY_OWNER'] ?? env['GITHUB_REPOSITORY']?.split('/')[0]}/${name}`;
}

function remoteOf(option: Option): string | undefined {
  if (env['GITOPS_REMOTE']) return env['GITOPS_REMOTE'];
  if (option === 'a') return 'origin';
  const repository = platformRepository();
  return repository === undefined ? undefined : `${env['GITHUB_SERVER_URL'] ?? 'https://github.com'}/${repository}`;
}

/** `owner/name` of what is on GitHub. */
function repositoryOf(url: string, option: Option): string | undefined {
  const onGitHub = /^https:\/\/github\.com\/([\w.-]+\/[\w.-]+?)(?:\.git)?$/.exec(url)?.[1];
  return onGitHub ?? (option === 'b' ? platformRepository() : env['GITHUB_REPOSITORY']);
}

/** The files of an environment as they are in the base; of option B from the template, where the platform has none. */
function filesOf(branch: RemoteBranch, { environment, option }: Request): Files {
  const paths = pathsOf(environment, option, env['GITOPS_PATH'] ?? 'apps/hello-world');
  const files = branch.read(paths);
  if (files.size === paths.length) return files;
  const missing = paths.find((path) => !files.has(path)) ?? '';
  if (option === 'b' && environment === 'non-prod')
    return new Map([[missing, readFileSync(resolve(ROOT, TEMPLATE), 'utf8')]]);
  throw new GitOpsProblem(`${branch.url} has no ${missing}: add it first, with the values of ${environment}`);
}

function runningNow(files: Files): { tag?: string; digest?: string } {
  const [text = ''] = files.values();
  return runningIn(text);
}

/** The files as they are now, with what ran before the digest that is not to run any longer. */
function before(branch: RemoteBranch, request: Request, now: Files): Files {
  for (const files of branch.history([...now.keys()])) {
    const { tag, digest } = runningNow(files);
    if (tag === undefined || digest === undefined) break;
    if (digest === request.digest) continue;
    const chart = chartIn(files);
    return withRelease(now, { tag, digest, ...(chart ? { chart } : {}) }, request.option);
  }
  throw new GitOpsProblem(
    `nothing ran in ${request.environment} before ${request.digest}: there is nothing to go back to`,
  );
}

/** Why a commit of main is not to be proposed; `undefined`: it is. */
function whyLate(branch: RemoteBranch, { environment, release, back }: Request, files: Files): string | undefined {
  const [, commit] = COMMIT_TAG.exec(release?.tag ?? '') ?? [];
  if (back || commit === undefined) return undefined;
  const proposed = branch.read([...files.keys()], `refs/gitops/${environment}`);
  const [chart, waiting] = [chartIn(files), chartIn(proposed)];
  if (waiting !== undefined && waiting.digest !== chart?.digest) {
    return `the release ${waiting.tag} waits for ${environment}: merge its pull request, or delete the branch gitops/${environment}`;
  }
  for (const [does, state] of [
    ['runs', files],
    ['waits for', proposed],
  ] as const) {
    const { tag = '' } = runningNow(state);
    const other = COMMIT_TAG.exec(tag)?.[1] ?? branch.commitOfRelease(tag);
    if (other === undefined || tag === release?.tag) continue;
    const than = `${environment} ${does} ${tag} already, which is`;
    if (other === commit) return `${than} of the same commit as ${release?.tag}`;
    if (branch.isBefore(commit, other)) return `${than} newer than ${release?.tag}`;
  }
  return undefined;
}

async function openPullRequest(
  proposal: Omit<Proposal, 'repository'>,
  url: string,
  { environment, option, release }: Request,
): Promise<void> {
  const token = env['GITOPS_TOKEN'] || env['GH_TOKEN'];
  const repository = repositoryOf(url, option);
  if (!token || repository === undefined) {
    report.skipped(
      `no pull request for ${proposal.branch}: ${token ? 'its repository is not on GitHub' : 'GITOPS_TOKEN is not set'}`,
    );
    return;
  }
  const pulls = new PullRequests(env['GITHUB_API_URL'] ?? 'https://api.github.com', token);
  const pull = await pulls.open({ ...proposal, repository });
  report.say(`proposed by ${pull.html_url}`);
  report.summary(`${environment}: ${pull.html_url}`);
  report.output('pull-request', pull.html_url);
  // Going back is as urgent in prod, but prod has somebody who decides.
  if (option === 'b' || environment === 'prod') return;
  const refused = await pulls.mergeWhenGreen(pull);
  if (refused !== undefined) report.skipped(`the pull request does not merge itself: ${refused}`);
  else
    report.say(
      release === undefined ? 'it takes the release back when it is green' : 'it merges itself when it is green',
    );
}

/** @returns whether the environment runs it, or will once the pull request is merged */
async function propose(request: Request): Promise<boolean> {
  const { environment, option, release, digest } = request;
  const remote = remoteOf(option);
  if (remote === undefined) {
    report.skipped('PLATFORM_REPOSITORY is not set: option b has nowhere to go');
    return false;
  }
  const token = env['GITOPS_TOKEN'] || env['GH_TOKEN'];
  const base = env['GITOPS_BASE'] ?? 'main';
  const branchName = `gitops/${environment}`;
  using branch = new RemoteBranch({ remote, base, ...(token ? { token } : {}) });
  if (!token && /^https?:/.test(branch.url)) {
    report.skipped(`GITOPS_TOKEN is not set: nothing is proposed to ${branch.url}`);
    return false;
  }

  branch.update();
  const files = filesOf(branch, request);
  const running = runningNow(files);
  if (release === undefined && running.digest !== digest) {
    report.skipped(`${environment} runs ${running.digest ?? 'nothing'}, not ${digest}: there is nothing to take back`);
    return false;
  }
  if (release !== undefined && release.chart === undefined && lacksChart(files)) {
    report.skipped(`${environment} has no chart yet: the first release (a tag release/X.Y.Z) brings one`);
    return false;
  }
  const late = whyLate(branch, request, files);
  if (late !== undefined) {
    report.skipped(late);
    return false;
  }

  const what =
    release === undefined
      ? `${environment} goes back from ${running.tag ?? digest}`
      : `${environment} runs ${release.tag}`;
  const title = `chore(deploy): ${what}`;
  const done = branch.propose(branchName, `${title}\n\n${digest}\n`, () => {
    const now = filesOf(branch, request);
    return release === undefined ? before(branch, request, now) : withRelease(now, release, option);
  });
  if (done === 'has it') {
    report.say(`${base} of ${branch.url} has it already: ${what}, ${digest}`);
    return true;
  }
  report.say(`${what}: ${branchName} is ${done === 'pushed' ? 'pushed' : 'as it was'}`);
  const body = `${what}.\n\n\`${digest}\`${release?.chart ? `\n\nChart ${release.chart.tag}, \`${release.chart.digest}\`` : ''}\n`;
  await openPullRequest({ branch: branchName, base, title, body }, branch.url, request);
  return true;
}

try {
  report.output('proposed', String(await propose(requested())));
} catch (error) {
  const ours = error instanceof GitOpsProblem || (error instanceof TypeError && ('cause' in error || 'code' in error));
  if (!ours) throw error;
  const { message, cause } = error;
  report.failed(cause instanceof Error ? `${message}: ${cause.message}` : message);
}
