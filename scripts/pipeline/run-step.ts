import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Step } from './steps.ts';

export type Verdict = 'passed' | 'failed' | 'skipped' | 'left out';

export interface Result {
  readonly step: Step;
  readonly verdict: Verdict;
  readonly seconds: number;
  /** Why it was skipped, what it left out, or what it last said when it failed. */
  readonly note: string;
}

const SKIPPED = /^skipped: (.+)$/;

/** Runs a step as a workflow does, by a shell; all that it says goes to a file. */
export async function runStep(step: Step, env: NodeJS.ProcessEnv, logFile: string): Promise<Result> {
  const started = Date.now();
  const log = createWriteStream(logFile);
  let output = '';
  const child = spawn('bash', ['-euo', 'pipefail', '-c', step.run], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      log.write(text);
    });
  }
  const [code] = (await once(child, 'close')) as [number | null];
  await new Promise<void>((resolve) => log.end(resolve));
  return { step, seconds: (Date.now() - started) / 1000, ...judge(step, code, output) };
}

/** A step says on lines of their own what it leaves out; one that says nothing else was skipped. */
export function judge(
  { says }: Pick<Step, 'says'>,
  code: number | null,
  output: string,
): Pick<Result, 'verdict' | 'note'> {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  // npm begins by what it runs.
  const own = lines.filter((line) => !line.startsWith('> '));
  const reasons = own.flatMap((line) => SKIPPED.exec(line)?.[1] ?? []);
  const last = own.at(-1) ?? '';
  if (code !== 0) return { verdict: 'failed', note: last };
  if (reasons.length > 0 && reasons.length === own.length) return { verdict: 'skipped', note: reasons.join('; ') };
  if (says !== undefined && !says.test(output))
    return { verdict: 'failed', note: `it does not say ${String(says)}: ${last}` };
  const counts = /^\d+ passed, \d+ failed/.test(last) ? last : '';
  return { verdict: 'passed', note: reasons.length > 0 ? `without ${reasons.join('; ')}` : counts };
}
