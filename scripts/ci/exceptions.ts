/**
 * Holds what is accepted of osv-scanner and of Trivy to the rule that scripts/ci/audit.ts has for npm's advisories: a
 * reason, and a last day that is not over and not far ahead. The scanners themselves would accept anything for ever.
 *
 *   exceptions.ts [--root FOLDER] [--today YYYY-MM-DD]
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { dateOf } from '../calendar-date.ts';
import { type Accepted, whyNotAccepted } from './accepted.ts';
import { Report } from './report.ts';

/** How a file of exceptions is read. */
const READERS: Readonly<Record<string, (text: string) => readonly Accepted[]>> = {
  '.github/osv-scanner.toml': ofOsvScanner,
  '.trivyignore.yaml': ofTrivy,
};
/** What a scanner reads without being told to, and what is to be in its place: `trivy.yaml` can name a policy of its own. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'osv-scanner.toml': '.github/osv-scanner.toml',
  '.trivyignore': '.trivyignore.yaml',
  'trivy.yaml': '.trivyignore.yaml',
};

/**
 * Of its TOML the one table that exceptions need; whatever else is there could accept something as well, so it is refused.
 *
 * @see https://google.github.io/osv-scanner/configuration/
 */
function ofOsvScanner(text: string): readonly Accepted[] {
  const found: Record<string, string>[] = [];
  for (const line of text.split('\n').map((line) => line.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const [, key, value, date] =
      /^(id|ignoreUntil|reason) *= *(?:"([^"\\]*)"|(\d{4}-\d\d-\d\d))(?: *#.*)?$/.exec(line) ?? [];
    const entry = found.at(-1);
    if (line === '[[IgnoredVulns]]') found.push({});
    else if (key !== undefined && entry) entry[key] = value ?? date ?? '';
    else throw new Error(`it has [[IgnoredVulns]] with id, ignoreUntil and reason, a line each, and not ${line}`);
  }
  return found.map(({ id, reason, ignoreUntil }) => ({ what: id ?? '(no id)', reason, until: ignoreUntil }));
}

/** @see https://trivy.dev/latest/docs/configuration/filtering/#trivyignoreyaml */
function ofTrivy(text: string): readonly Accepted[] {
  interface Entry {
    readonly id?: string;
    readonly statement?: unknown;
    readonly expired_at?: unknown;
  }
  // vulnerabilities, misconfigurations, secrets, licenses
  const lists = Object.values((parse(text) ?? {}) as Readonly<Record<string, readonly Entry[] | null>>);
  return lists
    .flatMap((list) => list ?? [])
    .map(({ id, statement, expired_at }) => ({ what: id ?? '(no id)', reason: statement, until: expired_at }));
}

function main(report: Report): void {
  const { values } = parseArgs({
    options: {
      root: { type: 'string', default: resolve(import.meta.dirname, '../..') },
      today: { type: 'string', default: dateOf(Date.now()) },
    },
  });
  for (const [file, better] of Object.entries(ELSEWHERE)) {
    if (existsSync(join(values.root, file))) report.failed(`${file}: exceptions are in ${better}`);
  }
  let count = 0;
  for (const [file, read] of Object.entries(READERS)) {
    if (!existsSync(join(values.root, file))) continue;
    try {
      for (const accepted of read(readFileSync(join(values.root, file), 'utf8'))) {
        const problem = whyNotAccepted(accepted, values.today);
        if (problem !== undefined) report.failed(`${file}: ${problem}`);
        count += 1;
      }
    } catch (error) {
      report.failed(`${file}: ${(error as Error).message}`);
    }
  }
  if (process.exitCode !== 1) report.say(`${count} accepted, each with a reason and a last day`);
}

const report = new Report('exceptions');
try {
  main(report);
} catch (error) {
  report.failed((error as Error).message);
}
