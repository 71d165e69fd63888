/**
 * Holds the production dependencies to a policy: no advisory of severity high or critical, but for exceptions with a
 * reason and a last day (.github/audit-exceptions.yaml). `npm audit` brings the advisories; where the registry has no
 * such endpoint, as many mirrors, the step is skipped.
 *
 *   audit.ts [--report FILE] [--exceptions FILE]    FILE in place of asking npm: what `npm audit --json` said
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { Report } from './report.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const REFUSED = new Set(['high', 'critical']);
const MAX_OUTPUT_BYTES = 2 ** 26;

/** What npm says of one package: advisories, and names of packages through which it is concerned. */
interface Vulnerability {
  readonly via: readonly (string | Advisory)[];
}

interface Advisory {
  readonly name: string;
  readonly title: string;
  readonly url: string;
  readonly severity: string;
  readonly range: string;
}

interface AuditReport {
  readonly vulnerabilities?: Readonly<Record<string, Vulnerability>>;
  readonly statusCode?: number;
  readonly message?: string;
}

interface Exception {
  readonly advisory: string;
  readonly package: string;
  readonly reason: string;
  readonly until: string;
}

const report = new Report('audit');

function askNpm(): AuditReport {
  const command = ['audit', '--omit=dev', '--omit=optional', '--json'];
  const { stdout, error } = spawnSync('npm', command, { cwd: ROOT, encoding: 'utf8', maxBuffer: MAX_OUTPUT_BYTES });
  if (error) throw error;
  return (stdout.trim() === '' ? { message: 'npm audit says nothing' } : JSON.parse(stdout)) as AuditReport;
}

function readExceptions(file: string): readonly Exception[] {
  const { exceptions } = parse(readFileSync(file, 'utf8')) as { exceptions: readonly Exception[] };
  for (const exception of exceptions) {
    const { advisory, reason, until } = exception;
    if (
      !/^GHSA(-[0-9a-z]{4}){3}$/.test(advisory) ||
      !reason ||
      !exception.package ||
      !/^\d{4}-\d\d-\d\d$/.test(until)
    ) {
      throw new Error(
        `${file}: an exception has advisory: GHSA-…, package, reason and until: YYYY-MM-DD, unlike ${JSON.stringify(exception)}`,
      );
    }
  }
  return exceptions;
}

function advisoriesIn({ vulnerabilities = {} }: AuditReport): readonly Advisory[] {
  const all = Object.values(vulnerabilities).flatMap(({ via }) => via.filter((item) => typeof item !== 'string'));
  return [...new Map(all.map((advisory) => [`${advisory.url} ${advisory.name}`, advisory])).values()];
}

const idOf = ({ url }: Advisory): string => url.split('/').at(-1) ?? url;

function judge(found: readonly Advisory[], exceptions: readonly Exception[], today: string): readonly string[] {
  const excuses = (advisory: Advisory) => (exception: Exception) =>
    exception.advisory === idOf(advisory) && exception.package === advisory.name;
  const refused = found.filter(({ severity }) => REFUSED.has(severity));
  return [
    ...refused
      .filter((advisory) => !exceptions.some(excuses(advisory)))
      .map(
        (advisory) => `${advisory.name} ${advisory.range}: ${advisory.severity}, ${advisory.title} (${advisory.url})`,
      ),
    ...exceptions
      .filter(({ until }) => until < today)
      .map(
        (exception) => `the exception for ${exception.advisory} in ${exception.package} ended on ${exception.until}`,
      ),
    ...exceptions
      .filter((exception) => !refused.some((advisory) => excuses(advisory)(exception)))
      .map((exception) => `the exception for ${exception.advisory} in ${exception.package} is not needed: take it out`),
  ];
}

function main(): void {
  const { values } = parseArgs({
    options: {
      report: { type: 'string' },
      exceptions: { type: 'string', default: resolve(ROOT, '.github/audit-exceptions.yaml') },
    },
  });
  const exceptions = readExceptions(values.exceptions);
  const said =
    values.report === undefined ? askNpm() : (JSON.parse(readFileSync(values.report, 'utf8')) as AuditReport);
  if (said.vulnerabilities === undefined) {
    report.skipped(`the registry knows no advisories: ${said.message ?? 'it gave no reason'}`);
    return;
  }
  const found = advisoriesIn(said);
  const problems = judge(found, exceptions, new Date().toISOString().slice(0, 10));
  for (const problem of problems) report.failed(problem);
  if (problems.length > 0) report.summary(`failed: ${problems.join('; ')}`);
  else report.say(`no advisory above moderate, ${found.length} below or accepted`);
}

try {
  main();
} catch (error) {
  report.failed((error as Error).message);
}
