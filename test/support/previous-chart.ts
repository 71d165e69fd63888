import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { tryBash } from './cluster.js';
import { CHART } from './helm.js';

/** A chart that was released before this one. */
export interface PreviousChart {
  /** What it is, for a person. */
  readonly name: string;
  /** As Helm takes it. */
  readonly path: string;
}

/**
 * The chart at the last tag before this commit. Before there is one: this chart, packaged under a lower version.
 *
 * @param folder where it is put
 */
export async function previousChart(folder: string): Promise<PreviousChart> {
  const tag = await lastTag();
  if (tag !== undefined) {
    await bash(`git archive '${tag}' deploy/helm/hello-world | tar --extract --directory='${folder}'`);
    return { name: `the chart at the tag ${tag}`, path: join(folder, 'deploy/helm/hello-world') };
  }
  const { version } = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as { version: string };
  const lower = lowerVersion(version);
  await bash(`helm package '${CHART}' --version='${lower}' --destination='${folder}'`);
  return { name: `this chart as ${lower}, there being no tag`, path: join(folder, `hello-world-${lower}.tgz`) };
}

/** The youngest tag that has a chart, is an ancestor of this commit, and is not this commit itself. */
async function lastTag(): Promise<string | undefined> {
  const refs = [
    '--merged=HEAD',
    '--no-contains=HEAD',
    '--sort=-creatordate',
    "--format='%(refname:short)'",
    'refs/tags',
  ];
  const tags = await bash(`git for-each-ref ${refs.join(' ')}`);
  for (const tag of tags.split('\n').filter(Boolean)) {
    if ((await tryBash(`git cat-file -e '${tag}:deploy/helm/hello-world/Chart.yaml'`)).ok) return tag;
  }
  return undefined;
}

/** One patch lower, or where there is none, what comes just before. */
function lowerVersion(version: string): string {
  const [, minor = '', patch = ''] = /^(\d+\.\d+)\.(\d+)/.exec(version) ?? [];
  return Number(patch) > 0 ? `${minor}.${Number(patch) - 1}` : `${minor}.${patch}-0`;
}

async function bash(script: string): Promise<string> {
  const { ok, stdout, stderr } = await tryBash(script);
  if (!ok) throw new Error(`${script}: ${stderr}`);
  return stdout;
}
