/**
 * Proposes what an environment runs, by tag and digest, as a pull request to what Flux follows. May be run again at any
 * time: what is proposed already stays as it is.
 *
 *   set-digest.ts non-prod|prod --tag TAG --digest sha256:… [--chart-tag TAG] [--chart-digest sha256:…]
 *                 [--option a|b] [--repository REGISTRY/NAME] [--back] [--check]
 *   set-digest.ts non-prod|prod --revert --digest sha256:… [--option a|b]    back to what ran before that digest; where it
 *                 does not run yet, its pull request is closed
 *
 * A commit of main (a tag sha-…) does not take the place of a newer one, nor of a release that waits; nor a release (X.Y.Z)
 * that of a newer version: `--back` says that it is to, all the same. The output `proposed` is whether the environment runs
 * it, or will; with `--check`, which changes nothing, whether it would.
 *
 * Option a: deploy/flux of this repository; the pull request for non-prod merges itself when it is green, prod's waits for
 * somebody. Option b: the platform's repository, which merges by its own rules; which commit is newer is asked here, so
 * here has to be a checkout with its history and tags.
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
import { Commits } from './gitops/commits.ts';
import { whyLate } from './gitops/late.ts';
import { GitOpsProblem, NothingToDo } from './gitops/problem.ts';
import { PullRequests } from './gitops/pull-request.ts';
import {
  chartIn,
  type Environment,
  type Files,
  lacksChart,
  lastGood,
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

interface Request {
  readonly environment: Environment;
  readonly option: Option;
  readonly digest: string;
  /** Not there: back to what ran before the digest. */
  readonly release?: Release;
  /** Also in the place of something newer. */
  readonly back: boolean;
  /** Only whether there is something to do. */
  readonly check: boolean;
}

const report = new Report('set-digest');
const { env } = process;
const TOKEN = env['GITOPS_TOKEN'] || env['GH_TOKEN'];

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
      check: { type: 'boolean', default: false },
    },
  });
  const [environment] = positionals;
  const { digest, option, tag, repository, back, check } = values;
  if (positionals.length !== 1 || (environment !== 'non-prod' && environment !== 'prod')) {
    throw new GitOpsProblem('say of which environment: set-digest.ts non-prod|prod …');
  }
  if (option !== 'a' && option !== 'b') throw new GitOpsProblem(`--option is a or b, not '${option}'`);
  if (!DIGEST.test(digest)) throw new GitOpsProblem(`--digest '${digest}' is none: sha256: and 64 digits`);
  if (values.revert) return { environment, option, digest, back, check };
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
    check,
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

/** The files as they are now, with what ran before the digest that is not to run any longer. */
function before(branch: RemoteBranch, request: Request, now: Files): Files {
  const earlier = lastGood([...branch.history([...now.keys()])], request.digest);
  const { tag, digest } = earlier === undefined ? {} : runningIn(earlier);
  if (earlier === undefined || tag === undefined || digest === undefined) {
    throw new GitOpsProblem(
      `nothing ran in ${request.environment} before ${request.digest} that was not taken back as well: there is nothing to go back to`,
    );
  }
  const chart = chartIn(earlier);
  return withRelease(now, { tag, digest, ...(chart ? { chart } : {}) }, request.option);
}

/** The files as they are to be. @throws NothingToDo where it is not the turn of this request */
function wanted(branch: RemoteBranch, request: Request): Files {
  const { environment, option, digest, release, back } = request;
  const now = filesOf(branch, request);
  if (release === undefined) {
    const { digest: running = 'nothing' } = runningIn(now);
    if (running === digest) return before(branch, request, now);
    throw new NothingToDo(`${environment} runs ${running}, not ${digest}: there is nothing to take back`);
  }
  if (release.chart === undefined && lacksChart(now)) {
    throw new NothingToDo(`${environment} has no chart yet: the first release (a tag release/X.Y.Z) brings one`);
  }
  const state = { environment, running: now, proposed: proposedIn(branch, request, now) };
  const commits = option === 'a' ? branch.commits : new Commits(ROOT);
  const late = back ? undefined : whyLate(release, state, commits);
  if (late !== undefined) throw new NothingToDo(late);
  return withRelease(now, release, option);
}

function proposedIn(branch: RemoteBranch, { environment }: Request, now: Files): Files {
  return branch.read([...now.keys()], `refs/gitops/${environment}`);
}

/** The pull requests of a repository, or why there are none to be had. */
function pullRequestsOf(url: string, option: Option): PullRequests | string {
  const repository = repositoryOf(url, option);
  if (!TOKEN) return 'GITOPS_TOKEN is not set';
  if (repository === undefined) return 'its repository is not on GitHub';
  return new PullRequests(env['GITHUB_API_URL'] ?? 'https://api.github.com', TOKEN, repository);
}

/** Closes the pull request of a digest that does not run yet: it would merge itself later, when nobody looks any more. */
async function withdraw(branch: RemoteBranch, base: string, request: Request): Promise<void> {
  const { environment, option, digest } = request;
  const files = filesOf(branch, request);
  const proposed = runningIn(proposedIn(branch, request, files));
  if (runningIn(files).digest === digest || proposed.digest !== digest) return;
  const branchName = `gitops/${environment}`;
  const pulls = pullRequestsOf(branch.url, option);
  if (typeof pulls === 'string') {
    report.skipped(`${branchName} proposes ${digest}, and its pull request stays open: ${pulls}`);
    return;
  }
  const closed = await pulls.close({ branch: branchName, base });
  if (closed !== undefined) {
    report.say(`closed ${closed}, which proposed ${digest}`);
    report.summary(`${environment}: closed ${closed}, which proposed \`${digest}\``);
  }
  // With its branch it would still seem to wait, and hold back what is older.
  branch.remove(branchName);
  // It may have been merged just now.
  branch.update();
}

/** Going back has taken the place of what was proposed, as the last update has seen it. */
function tellWhatWaited(branch: RemoteBranch, request: Request, files: Files): void {
  const { environment } = request;
  const waited = runningIn(proposedIn(branch, request, files));
  if (waited.tag === undefined || waited.digest === runningIn(files).digest) return;
  report.say(`${waited.tag} waited there: propose it again once ${environment} has gone back`);
  report.summary(`${environment}: ${waited.tag} waited for it, and is to be proposed again`);
}

async function openPullRequest(
  { commit, ...proposal }: { branch: string; base: string; title: string; body: string; commit: string },
  url: string,
  { environment, option, release }: Request,
): Promise<void> {
  const pulls = pullRequestsOf(url, option);
  if (typeof pulls === 'string') {
    report.skipped(`no pull request for ${proposal.branch}: ${pulls}`);
    return;
  }
  const pull = await pulls.open(proposal);
  report.say(`proposed by ${pull.html_url}`);
  report.summary(`${environment}: ${pull.html_url}`);
  report.output('pull-request', pull.html_url);
  // Going back is as urgent in prod, but prod has somebody who decides.
  if (option === 'b' || environment === 'prod') return;
  const refused = await pulls.mergeWhenGreen(pull, commit);
  if (refused !== undefined) report.skipped(`the pull request does not merge itself: ${refused}`);
  else
    report.say(
      release === undefined ? 'it takes the release back when it is green' : 'it merges itself when it is green',
    );
}

/** Sees to it that the environment runs it, or will once the pull request is merged. @throws NothingToDo */
async function propose(request: Request): Promise<void> {
  const { environment, option, release, digest } = request;
  const remote = remoteOf(option);
  if (remote === undefined) throw new NothingToDo('PLATFORM_REPOSITORY is not set: option b has nowhere to go');
  const base = env['GITOPS_BASE'] ?? 'main';
  const branchName = `gitops/${environment}`;
  using branch = new RemoteBranch({ remote, base, ...(TOKEN ? { token: TOKEN } : {}) });
  if (!TOKEN && /^https?:/.test(branch.url)) {
    throw new NothingToDo(`GITOPS_TOKEN is not set: nothing is proposed to ${branch.url}`);
  }

  branch.update();
  if (request.check) {
    wanted(branch, request);
    report.say(`${digest} may be proposed: ${environment} has nothing newer`);
    return;
  }
  if (release === undefined) await withdraw(branch, base, request);

  const files = filesOf(branch, request);
  const running = runningIn(files);
  const what =
    release === undefined
      ? `${environment} goes back from ${running.tag ?? digest}`
      : `${environment} runs ${release.tag}`;
  const title = `chore(deploy): ${what}`;
  const proposed = branch.propose(branchName, `${title}\n\n${digest}\n`, () => wanted(branch, request));
  if (proposed.done === 'has it') {
    report.say(`${base} of ${branch.url} has it already: ${what}, ${digest}`);
    return;
  }
  const { done, commit } = proposed;
  report.say(`${what}: ${branchName} is ${done === 'pushed' ? 'pushed' : 'as it was'}`);
  if (release === undefined && done === 'pushed') tellWhatWaited(branch, request, files);
  const chart = release?.chart ? `\n\nChart ${release.chart.tag}, \`${release.chart.digest}\`` : '';
  const body = `${what}.\n\n\`${digest}\`${chart}\n`;
  await openPullRequest({ branch: branchName, base, title, body, commit }, branch.url, request);
}

try {
  await propose(requested());
  report.output('proposed', 'true');
} catch (error) {
  if (error instanceof NothingToDo) {
    report.skipped(error.message);
    report.output('proposed', 'false');
  } else {
    const ours =
      error instanceof GitOpsProblem || (error instanceof TypeError && ('cause' in error || 'code' in error));
    if (!ours) throw error;
    const { message, cause } = error;
    report.failed(cause instanceof Error ? `${message}: ${cause.message}` : message);
  }
}
