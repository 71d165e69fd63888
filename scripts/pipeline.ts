/**
 * The pipeline on a desk: the gates of a pull request, step by step as .github/workflows/gates.yml has them, against a
 * registry of this machine, and a table of what came of it. What is absent here is skipped, with its reason.
 *
 *   npm run pipeline -- [--quick] [--only ID,…] [--main] [--release X.Y.Z]
 *
 *   --quick          without what takes minutes: the suites of tests
 *   --only ID,…      these steps alone (column `step` of the table)
 *   --main           also what a push to main does: signed by a key of this run, proposed to two repositories in out/pipeline
 *   --release X.Y.Z  also what a tag release/X.Y.Z does
 *   REGISTRY         where to push to (default: localhost:5000)
 *   TAG              of the image (default: pr-1; with --main sha-<commit>)
 *
 * What each step said is in out/pipeline/<step>.log. Ends with 1 when a step failed.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { builtDigest, Desk, outputsIn } from './pipeline/desk.ts';
import { type Result, runStep } from './pipeline/run-step.ts';
import { GATES, HAND_OVERS, MAIN, RELEASE, type Step } from './pipeline/steps.ts';
import { table } from './pipeline/table.ts';

const ROOT = resolve(import.meta.dirname, '..');
const LOGS = resolve(ROOT, 'out/pipeline');
const TAIL_LINES = 15;

function commandLine() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        only: { type: 'string' },
        main: { type: 'boolean', default: false },
        release: { type: 'string' },
      },
    });
    if (values.release === undefined || /^\d+\.\d+\.\d+$/.test(values.release)) return values;
    console.error(`pipeline: --release is X.Y.Z, not '${values.release}'`);
  } catch (error) {
    console.error(`pipeline: ${(error as Error).message}`);
  }
  return process.exit(2);
}

process.chdir(ROOT);
const values = commandLine();
const only = values.only?.split(',');
const withMain = values.main || values.release !== undefined;
const all = [...GATES, ...HAND_OVERS, ...(withMain ? MAIN : []), ...(values.release === undefined ? [] : RELEASE)];
const unknown = only?.filter((id) => !all.some((step) => step.id === id)) ?? [];
if (unknown.length > 0) {
  console.error(
    `pipeline: there is no step ${unknown.join(', ')} here: ${[...new Set(all.map(({ id }) => id))].join(' ')}`,
  );
  process.exit(2);
}

using desk = await Desk.open(process.env['REGISTRY'] ?? 'localhost:5000');
mkdirSync(LOGS, { recursive: true });
const outputs = desk.outputsFile();
const signedBy = withMain ? desk.key() : {};
const remotes = withMain ? desk.remotes(LOGS) : {};
const TAG = process.env['TAG'] ?? (withMain ? `sha-${desk.commit}` : 'pr-1');

// Nothing of this is to leave the desk.
const { GH_TOKEN: _gh, GITHUB_TOKEN: _github, GITOPS_TOKEN: _gitops, SLACK_WEBHOOK_URL: _slack, ...ours } = process.env;

function environmentOf(step: Step): NodeJS.ProcessEnv {
  const DIGEST = builtDigest();
  return {
    ...ours,
    ...signedBy,
    ...remotes,
    TAG,
    DIGEST,
    IMAGE: `${desk.registry}/hello-world@${DIGEST}`,
    REPOSITORY: desk.repository,
    REFERENCE: `${desk.repository}@${DIGEST}`,
    COMMIT: desk.commit,
    CHART_DIGEST: outputsIn(outputs)['chart-digest'] ?? '',
    GITHUB_OUTPUT: outputs,
    // Not of the steps before: what is promoted was built before anybody knew which version it would be.
    ...(RELEASE.some(({ id }) => id === step.id) && { RELEASE: `release/${values.release}`, VERSION: values.release }),
    ...step.env,
  };
}

/** Why a step is not run at all; `undefined` when it is. */
function whyLeftOut(step: Step, done: readonly Result[]): string | undefined {
  if (only !== undefined && !only.includes(step.id)) return 'not asked for';
  if (values.quick && step.long) return '--quick';
  const before = done.findLast((result) => result.step.id === step.needs);
  // With --only it is up to whoever asks whether what comes before is there from an earlier run.
  if (only === undefined && before !== undefined && before.verdict !== 'passed')
    return `${step.needs} ${before.verdict}`;
  return undefined;
}

const results: Result[] = [];
for (const named of all) {
  const step = { ...named, run: named.run.replaceAll('localhost:5000', desk.registry) };
  // Jobs of their own bring the image into the engine each; a desk has one.
  if (results.some((result) => result.step.run === step.run && result.step.id === step.id)) continue;
  const leftOut = whyLeftOut(step, results);
  const whyNot = desk.whyNot(step);
  if (leftOut !== undefined) {
    if (only === undefined) results.push({ step, verdict: 'left out', seconds: 0, note: leftOut });
    continue;
  }
  if (whyNot !== undefined) {
    results.push({ step, verdict: 'skipped', seconds: 0, note: whyNot });
    continue;
  }
  console.log(`${step.id}: ${step.run}`);
  const log = join(LOGS, `${step.id.replaceAll('/', '-')}.log`);
  const result = await runStep(step, environmentOf(step), log);
  results.push(result);
  if (result.verdict === 'failed') {
    console.log(readFileSync(log, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n'));
  }
}
console.log(`\n${table(results)}`);
if (results.some(({ verdict }) => verdict === 'failed')) process.exitCode = 1;
