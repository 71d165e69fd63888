import { GitOpsProblem } from './problem.ts';
import { type Path, scalarAt, withScalar } from './scalars.ts';

export type Environment = 'non-prod' | 'prod';
/** A: the release is in this repository. B: in the platform's, by its own chart. */
export type Option = 'a' | 'b';

/** What an environment is to run. */
export interface Release {
  readonly tag: string;
  readonly digest: string;
  /** The chart of a release, which prod takes from the registry. */
  readonly chart?: { readonly tag: string; readonly digest: string };
  /** Where the image is: only a file of option B that is new has to be told. */
  readonly repository?: string;
}

/** Files by their paths in the repository that is changed. */
export type Files = ReadonlyMap<string, string>;

const IMAGE: Path = ['spec', 'values', 'image'];
const CHART: Path = ['spec', 'ref'];
/** Option B starts with it, where the platform has nothing yet. */
export const TEMPLATE = 'deploy/flux/option-b/hello-world-helmrelease.yaml';

/** Where an environment has what it runs: the HelmRelease first. */
export function pathsOf(environment: Environment, option: Option, folder: string): readonly string[] {
  if (option === 'b') return [`${folder}/${environment}/hello-world-helmrelease.yaml`];
  const release = `deploy/flux/${environment}/release`;
  const chart = environment === 'prod' ? [`${release}/chart.yaml`] : [];
  return [`${release}/hello-world-helmrelease.yaml`, ...chart];
}

/** The digest that an environment runs, and its tag. */
export function runningIn(files: Files): { tag?: string; digest?: string } {
  const [text = ''] = files.values();
  const [tag, pinned] = (scalarAt(text, [...IMAGE, 'tag']) ?? '').split('@');
  const digest = scalarAt(text, [...IMAGE, 'digest']) ?? pinned;
  return { ...(tag ? { tag } : {}), ...(digest ? { digest } : {}) };
}

/** The chart of the registry that the environment runs; `undefined` where it runs none, or no release has brought one yet. */
export function chartIn(files: Files): Release['chart'] {
  const [, text = ''] = [...files.values()];
  const [tag, digest] = [scalarAt(text, [...CHART, 'tag']), scalarAt(text, [...CHART, 'digest'])];
  return tag === undefined || digest === undefined ? undefined : { tag, digest };
}

/** Whether the environment runs a chart of the registry, and no release has brought one yet. */
export function lacksChart(files: Files): boolean {
  return files.size > 1 && chartIn(files) === undefined;
}

/**
 * What ran before a digest: the newest state of another one that was not taken back itself, by a state after it that had
 * been there before.
 *
 * @param history the newest state first
 */
export function lastGood(history: readonly Files[], digest: string): Files | undefined {
  const digests = history.map((files) => runningIn(files).digest);
  const not = new Set([digest, undefined]);
  for (const [index, files] of history.entries()) {
    const [next, one] = [digests[index - 1], digests[index]];
    const takenBack = next !== undefined && next !== one && digests.indexOf(next, index + 1) > 0;
    if (takenBack) not.add(one);
    if (!not.has(one)) return files;
  }
  return undefined;
}

/** The files with a release written into them. */
export function withRelease(files: Files, release: Release, option: Option): Files {
  const [[path, text] = ['', ''], chart] = [...files];
  if (option === 'b') return new Map([[path, optionB(text, release)]]);
  const written = [
    [[...IMAGE, 'tag'], release.tag],
    [[...IMAGE, 'digest'], release.digest],
  ] as const;
  const changed = new Map([[path, writeAll(path, text, written)]]);
  if (chart === undefined) return changed;
  const [chartPath, chartText] = chart;
  if (release.chart === undefined) return changed.set(chartPath, chartText);
  const { tag, digest } = release.chart;
  return changed.set(
    chartPath,
    writeAll(chartPath, chartText, [
      [[...CHART, 'tag'], tag],
      [[...CHART, 'digest'], digest],
    ]),
  );
}

/** The platform's chart knows no digest, but takes what it is given as a tag. */
function optionB(text: string, { tag, digest, repository }: Release): string {
  const unnamed = (scalarAt(text, [...IMAGE, 'repository']) ?? 'IDENTITY').startsWith('IDENTITY');
  if (unnamed && repository === undefined) {
    throw new GitOpsProblem('the platform has no release of hello-world yet: --repository says where its image is');
  }
  const named = repository === undefined ? text : withScalar(text, [...IMAGE, 'repository'], repository);
  return withScalar(named, [...IMAGE, 'tag'], `${tag}@${digest}`);
}

function writeAll(path: string, text: string, values: readonly (readonly [Path, string])[]): string {
  try {
    return values.reduce((changed, [at, value]) => withScalar(changed, at, value), text);
  } catch (error) {
    throw error instanceof GitOpsProblem ? new GitOpsProblem(`${path}: ${error.message}`) : error;
  }
}
