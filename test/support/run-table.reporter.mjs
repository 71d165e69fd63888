import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * For suites that take long and are read by people: says which test begins, and ends in a Markdown table of the tests,
 * their verdicts and the figures that they measured (figures.ts). Tests run in this process, one after the other.
 */
export default class RunTableReporter {
  #startedAt = Date.now();
  #folder = mkdtempSync(join(tmpdir(), 'hello-world-figures-'));
  #file = join(this.#folder, 'figures.jsonl');

  constructor() {
    // oxlint-disable-next-line node/no-process-env -- tests have no other way to know it
    process.env.TEST_FIGURES = this.#file;
    process.on('exit', () => rmSync(this.#folder, { recursive: true, force: true }));
  }

  onTestCaseStart(_test, { ancestorTitles, title }) {
    const seconds = Math.round((Date.now() - this.#startedAt) / 1_000);
    const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
    process.stderr.write(`[${clock}] ${[...ancestorTitles, title].join(' › ')}\n`);
  }

  onRunComplete(_contexts, { testResults }) {
    const figures = this.#figures();
    const rows = testResults
      .flatMap(({ testResults: tests }) => tests)
      .map(({ ancestorTitles, title, fullName, status, duration }) => [
        ancestorTitles.join(', '),
        title,
        status === 'pending' ? 'skipped' : status,
        duration ? `${Math.round(duration / 1_000)} s` : '',
        (figures.get(fullName) ?? []).join('; '),
      ])
      .sort(([one], [other]) => one.localeCompare(other, 'en', { numeric: true }));
    const table = [['what', 'seen', 'verdict', 'time', 'figures'], ['---', '---', '---', '---', '---'], ...rows];
    process.stdout.write(`\n${table.map((cells) => `| ${cells.join(' | ')} |\n`).join('')}\n`);
  }

  #figures() {
    const figures = new Map();
    if (!existsSync(this.#file)) return figures;
    for (const line of readFileSync(this.#file, 'utf8').split('\n').filter(Boolean)) {
      const { test, text } = JSON.parse(line);
      figures.set(test, [...(figures.get(test) ?? []), text]);
    }
    return figures;
  }
}
