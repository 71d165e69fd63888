import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { parse } from 'yaml';
import { judge, runStep } from '../../scripts/pipeline/run-step.js';
import { GATES, HAND_OVERS, MAIN, RELEASE } from '../../scripts/pipeline/steps.js';
import { table } from '../../scripts/pipeline/table.js';
import { ROOT, run } from './script.js';

jest.setTimeout(120_000);

interface Workflow {
  readonly jobs: Readonly<
    Record<string, { readonly steps?: readonly { readonly id?: string; readonly run?: string }[] }>
  >;
}

/** What the jobs of a workflow run, in its order. */
function runsOf(file: string): { job: string; id: string | undefined; run: string }[] {
  const { jobs } = parse(readFileSync(join(ROOT, '.github/workflows', file), 'utf8')) as Workflow;
  return Object.entries(jobs).flatMap(([job, { steps = [] }]) =>
    steps.flatMap(({ id, run }) => (run === undefined ? [] : [{ job, id, run: run.trim() }])),
  );
}

describe('the steps of npm run pipeline', () => {
  it('are those of gates.yml: the same jobs, the same commands, in the same order', () => {
    expect(GATES.map(({ job, id, run }) => ({ job, id, run }))).toEqual(runsOf('gates.yml'));
  });

  it('have the scripts that a push to main and a release run in ci.yml', () => {
    const scripts = (runs: readonly string[]) =>
      new Set(runs.flatMap((run) => run.match(/scripts\/ci\/[\w.-]+/g) ?? []));
    const onDesk = scripts([...MAIN, ...RELEASE].map(({ run }) => run));
    const inWorkflow = scripts(
      runsOf('ci.yml')
        .filter(({ job }) => ['deploy-non-prod', 'promote', 'propose-prod', 'notify'].includes(job))
        .map(({ run }) => run),
    );
    // Opt-in, and what only follows a failure.
    for (const script of ['scripts/ci/apply.sh', 'scripts/ci/revert.sh']) inWorkflow.delete(script);

    expect([...inWorkflow].filter((script) => !onDesk.has(script))).toEqual([]);
  });

  it('need only steps that come before them, and have names of their own', () => {
    const before = new Set<string>();
    for (const { id, needs } of [...GATES, ...HAND_OVERS, ...MAIN, ...RELEASE]) {
      if (needs !== undefined) expect([...before]).toContain(needs);
      before.add(id);
    }
    const others = GATES.map(({ id }) => id).filter((id) => id !== 'load');
    expect(new Set(others).size).toBe(others.length);
  });
});

describe('the verdict over a step', () => {
  it.each([
    ['passed', 'it says what it did', 0, 'sast: 12 rules find nothing\n', ''],
    [
      'skipped',
      'it only says why not',
      0,
      '> hello-world@0.1.0 x\n\nskipped: there is no trivy on the PATH\n',
      'there is no trivy on the PATH',
    ],
    ['passed', 'it left out a part', 0, 'rules: valid\nskipped: no cluster\n', 'without no cluster'],
    ['passed', 'it counts tests', 0, 'PASS a\n12 passed, 0 failed, 3 skipped\n', '12 passed, 0 failed, 3 skipped'],
    ['failed', 'it ends with another code', 1, 'a: b\nskipped: x\na: no way\n', 'a: no way'],
    ['failed', 'a signal ends it', null, '', ''],
  ])('is %s when %s', (verdict, _when, code, output, note) => {
    expect(judge({}, code, output)).toEqual({ verdict, note });
  });

  it('is failed when it does not say what it is to say', () => {
    expect(judge({ says: /is pushed/ }, 0, 'set-digest: as it was\n')).toMatchObject({ verdict: 'failed' });
  });
});

describe('a step that is run', () => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'scripts-pipeline-'));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('gets its environment, is ended by what fails in a pipe, and leaves what it said in a file', async () => {
    const log = join(folder, 'step.log');

    const fine = await runStep(
      { job: 'j', id: 'i', run: 'echo "$TAG"; echo aside >&2' },
      { ...process.env, TAG: 'pr-1' },
      log,
    );
    const said = readFileSync(log, 'utf8');
    const bad = await runStep({ job: 'j', id: 'i', run: 'false | cat' }, process.env, log);

    expect(fine.verdict).toBe('passed');
    expect(said.split('\n').sort()).toEqual(['', 'aside', 'pr-1']);
    expect(bad.verdict).toBe('failed');
  });

  it('is a line of the table, with its time, its verdict and its reason', () => {
    const step = { job: 'sast', id: 'sast', run: 'scripts/ci/sast.sh' };

    const lines = table([
      { step, verdict: 'passed', seconds: 1.26, note: '' },
      { step: { ...step, id: 'osv' }, verdict: 'skipped', seconds: 0.04, note: 'there is no osv-scanner on the PATH' },
    ]).split('\n');

    expect(lines[1]).toMatch(/^sast +sast +1\.3 s +passed$/);
    expect(lines[2]).toMatch(/^sast +osv +0\.0 s +skipped +there is no osv-scanner on the PATH$/);
    expect(lines.at(-1)).toBe('1 passed, 0 failed, 1 skipped, 0 left out in 1 s');
  });
});

describe('npm run pipeline', () => {
  const pipeline = async (...args: string[]) =>
    run(process.execPath, [join(ROOT, 'scripts/pipeline.ts'), ...args], { env: { REGISTRY: 'localhost:1' } });

  it('runs the steps that are asked for, skips what there is no registry for, and ends well', async () => {
    const { code, stdout } = await pipeline('--only', 'licences,verify');

    expect(code).toBe(0);
    expect(stdout).toMatch(/dependencies +licences +\S+ s +passed/);
    expect(stdout).toMatch(/signing +verify +0\.0 s +skipped +no registry answers at localhost:1/);
  });

  it('refuses a step that it does not have, and names those that it has', async () => {
    const { code, stderr } = await pipeline('--only', 'nothing');

    expect(code).toBe(2);
    expect(stderr).toMatch(/there is no step nothing here: types lint /);
  });
});
