import type { Commits } from './commits.ts';
import { chartIn, type Environment, type Files, type Release, runningIn } from './release.ts';

/** What the pipeline of main names an image by. */
const COMMIT_TAG = /^sha-([0-9a-f]{40})$/;
const VERSION = /^\d+\.\d+\.\d+$/;
const byVersion = new Intl.Collator('en', { numeric: true });

/** An environment, by its files as they are and as they are proposed; of the latter there may be none. */
export interface State {
  readonly environment: Environment;
  readonly running: Files;
  readonly proposed: Files;
}

/**
 * Why a release came too late, as something newer runs or is proposed; `undefined`: it did not. Runs do not end in the order
 * in which they began, and may be started again.
 */
export function whyLate(release: Release, state: State, commits: Commits): string | undefined {
  const [, commit] = COMMIT_TAG.exec(release.tag) ?? [];
  return commit === undefined
    ? whyLateRelease(release.tag, state)
    : (whyWaits(state) ?? whyLateCommit(commit, state, commits));
}

/** A version takes the place of every commit of main, but not of a newer version. */
function whyLateRelease(version: string, state: State): string | undefined {
  if (!VERSION.test(version)) return undefined;
  for (const [says, files] of told(state)) {
    // A commit of main that came after a release has left its chart.
    for (const other of [runningIn(files).tag, chartIn(files)?.tag]) {
      if (other === undefined || !VERSION.test(other)) continue;
      if (byVersion.compare(other, version) > 0) return `${says} ${other} already, which is newer than ${version}`;
    }
  }
  return undefined;
}

/** A release that somebody is asked about is not replaced by the next push to main. */
function whyWaits({ environment, running, proposed }: State): string | undefined {
  const [chart, waiting] = [chartIn(running), chartIn(proposed)];
  if (waiting === undefined || waiting.digest === chart?.digest) return undefined;
  return `the release ${waiting.tag} waits for ${environment}: merge its pull request, or delete the branch gitops/${environment}`;
}

function whyLateCommit(commit: string, state: State, commits: Commits): string | undefined {
  for (const [says, files] of told(state)) {
    const { tag = '' } = runningIn(files);
    const other = COMMIT_TAG.exec(tag)?.[1] ?? commits.ofRelease(tag);
    if (other === undefined || tag === `sha-${commit}`) continue;
    if (other === commit) return `${says} ${tag} already, which is of the same commit as sha-${commit}`;
    if (commits.isBefore(commit, other)) return `${says} ${tag} already, which is newer than sha-${commit}`;
  }
  return undefined;
}

function told({ environment, running, proposed }: State): readonly (readonly [string, Files])[] {
  return [
    [`${environment} runs`, running],
    [`${environment} waits for`, proposed],
  ];
}
