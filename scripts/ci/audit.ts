/**
 * Holds the production dependencies to a policy: no advisory of severity high or critical, but for exceptions with a
 * reason and a last day (.github/audit-exceptions.yaml). `npm audit` brings the advisories. Where the registry has no
 * such endpoint, as many mirrors, or does not answer, the step is skipped on a desk; with REQUIRE_TOOLS, as in the
 * workflow, it fails: nobody has looked.
 *
 *   audit.ts [--report FILE] [--exceptions FILE] [--today YYYY-MM-DD]
 *
 *   --report FILE  in place of asking npm: what `npm audit --json` said
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import { dateOf } from '../calendar-date.ts';
import { type Accepted, whyNotAccepted } from './accepted.ts';
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
  readonly reason: unknown;
  readonly until: unknown;
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
    if (!/^GHSA(-[0-9a-z]{4}){3}$/.test(exception.advisory) || !exception.package) {
      throw new Error(
        `${file}: an exception has advisory: GHSA-…, package, reason and until, unlike ${JSON.stringify(exception)}`,
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

const acceptedBy = ({ advisory, package: name, reason, until }: Exception): Accepted => ({
  what: `${advisory} in ${name}`,
  reason,
  until,
});

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
    ...exceptions.flatMap((exception) => whyNotAccepted(acceptedBy(exception), today) ?? []),
    ...exceptions
      .filter((exception) => !refused.some((advisory) => excuses(advisory)(exception)))
      .map((exception) => `the exception for ${acceptedBy(exception).what} is not needed: take it out`),
  ];
}

function main(): void {
  const { values } = parseArgs({
    options: {
      report: { type: 'string' },
      exceptions: { type: 'string', default: resolve(ROOT, '.github/audit-exceptions.yaml') },
      today: { type: 'string', default: dateOf(Date.now()) },
    },
  });
  const exceptions = readExceptions(values.exceptions);
  const said =
    values.report === undefined ? askNpm() : (JSON.parse(readFileSync(values.report, 'utf8')) as AuditReport);
  if (said.vulnerabilities === undefined) {
    const why = `the registry knows no advisories: ${said.message ?? 'it gave no reason'}`;
    if (process.env['REQUIRE_TOOLS'] === 'true') report.failed(`${why}, and REQUIRE_TOOLS is set: try again`);
    else report.skipped(why);
    return;
  }
  const found = advisoriesIn(said);
  const problems = judge(found, exceptions, values.today);
  for (const problem of problems) report.failed(problem);
  if (problems.length > 0) report.summary(`failed: ${problems.join('; ')}`);
  else report.say(`no advisory above moderate, ${found.length} below or accepted`);
}

try {
  main();
} catch (error) {
  report.failed((error as Error).message);
}
