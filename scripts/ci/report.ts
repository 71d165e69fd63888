import { appendFileSync } from 'node:fs';

/** What a step of TypeScript says, as scripts/ci/lib.sh has it for the others. */
export class Report {
  readonly #step: string;

  constructor(step: string) {
    this.#step = step;
  }

  say(text: string): void {
    console.log(`${this.#step}: ${text}`);
  }

  /** Something is absent here, so a part of the step is left out, or all of it. */
  skipped(why: string): void {
    console.log(`skipped: ${why}`);
    this.summary(`skipped: ${why}`);
  }

  /** The step ends badly. */
  failed(why: string): void {
    console.error(`${this.#step}: ${why}`);
    process.exitCode = 1;
  }

  /** A line of the job's summary, where there is one. */
  summary(text: string): void {
    append('GITHUB_STEP_SUMMARY', `- **${this.#step}**: ${text}`);
  }

  /** A result for the steps after this one, where a workflow runs it. */
  output(name: string, value: string): void {
    append('GITHUB_OUTPUT', `${name}=${value}`);
  }
}

function append(variable: string, line: string): void {
  const file = process.env[variable];
  if (file) appendFileSync(file, `${line}\n`);
}
