/** `npm run bench`: what the service costs, beside what it is compared with (docs/performance.md). */
import '../../scripts/require-node.mjs';
import { writeFileSync } from 'node:fs';
import { GOALS, type JudgedGoal, judge } from './goals.ts';
import { bestLoadTool, Load } from './load/load.ts';
import { connections, paths } from './measurements/growth.ts';
import { latency } from './measurements/latency.ts';
import type { Bench, Measurement, Outcome } from './measurements/measurement.ts';
import { memory } from './measurements/memory.ts';
import { metricsScrape } from './measurements/metrics-scrape.ts';
import { notFound, readyz } from './measurements/side-paths.ts';
import { soak } from './measurements/soak.ts';
import { startup } from './measurements/startup.ts';
import { throughput } from './measurements/throughput.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import { inWords, Progress } from './progress.ts';
import { type Bar, drawChart } from './report/chart.ts';
import { failures, goalTable } from './report/goal-table.ts';
import { surroundings } from './report/machine.ts';
import { PARTS, writePart } from './report/page.ts';
import { asText, type Table } from './report/table.ts';
import { compileServers } from './servers/compile.ts';
import { shareOutCores } from './servers/cores.ts';
import { startDatabase } from './servers/database.ts';
import { peer, REFERENCE, VARIANTS, type Variant } from './servers/variants.ts';

const PAGE = new URL('../../docs/performance.md', import.meta.url);
const CHART = new URL('../../docs/performance.svg', import.meta.url);

const MEASUREMENTS = [
  throughput,
  latency,
  startup,
  memory,
  metricsScrape,
  notFound,
  readyz,
  paths,
  connections,
  soak,
] as const;

/** What a run consists of. */
interface Plan {
  readonly measurements: readonly Measurement[];
  readonly variants: Readonly<Record<string, Variant>>;
  readonly chosen: readonly string[];
}

/** @throws with a sentence, when there is no measurement and no server of a name */
function plan({ only, peers, quick, soak: withSoak }: Options): Plan {
  const variants = {
    ...VARIANTS,
    ...Object.fromEntries(peers.map((each) => [each.name, peer(each.name, each.command, each.path)])),
  };
  const servers = Object.keys(variants).filter((name) => name !== REFERENCE);
  const known = new Set([...MEASUREMENTS.map(({ name }) => name), ...servers]);
  const unknown = only.find((name) => !known.has(name));
  if (unknown !== undefined) throw new Error(`there is no ${unknown}; --list shows what there is`);
  const asked = only.filter((name) => servers.includes(name));
  // A server alone is asked for with its throughput; a peer always is.
  const chosen = asked.length > 0 ? [...new Set([...asked, ...peers.map(({ name }) => name)])] : servers;
  const wanted = ({ name, quick: inQuick }: Measurement): boolean => {
    if (name === soak.name) return withSoak;
    if (only.length > 0) return only.includes(name) || (name === throughput.name && asked.length > 0);
    return !quick || inQuick;
  };
  return { measurements: MEASUREMENTS.filter(wanted), variants, chosen };
}

type Outcomes = ReadonlyMap<string, Outcome>;

interface Measured {
  /** What the figures depend on. */
  readonly note: string;
  readonly outcomes: Outcomes;
  /** What went wrong, in sentences. */
  readonly failed: readonly string[];
}

/** One measurement that fails takes nothing from the others. */
async function measure(bench: Bench, measurements: readonly Measurement[]): Promise<Omit<Measured, 'note'>> {
  const outcomes = new Map<string, Outcome>();
  const failed: string[] = [];
  for (const measurement of measurements) {
    const { name } = measurement;
    try {
      const outcome = await measurement.run(bench);
      outcomes.set(name, outcome);
      failed.push(...(outcome.failed ?? []));
    } catch (error) {
      failed.push(`${name} failed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { outcomes, failed };
}

function list(): void {
  for (const { name, what } of MEASUREMENTS) console.log(`${name.padEnd(16)}${what}`);
  console.log();
  for (const [name, { what }] of Object.entries(VARIANTS)) console.log(`${name.padEnd(16)}${what}`);
}

async function measureAll(options: Options, { measurements, variants, chosen }: Plan): Promise<Measured> {
  const { settings, logs } = options;
  const cores = shareOutCores();
  const load = new Load(cores, options.tool ?? bestLoadTool());
  const seconds = measurements.reduce((sum, each) => sum + each.seconds({ settings, chosen }), 0);
  const progress = new Progress(process.stderr, seconds);
  console.error(`${measurements.map(({ name }) => name).join(', ')}: about ${inWords(seconds)}`);
  await compileServers();
  const database = await startDatabase();
  try {
    const step = (what: string, expected: number): void => progress.step(what, expected);
    const bench: Bench = { settings, cores, load, logs, databaseUrl: database.url, variants, chosen, step };
    return { note: surroundings(bench, new Date()), ...(await measure(bench, measurements)) };
  } finally {
    progress.end();
    await database.remove();
  }
}

/** A complete run is what the page shows. */
function writeDocumentation(outcomes: Outcomes, goals: Table, chart: string, note: string): void {
  const tablesOf = (names: readonly string[]): Table[] => names.flatMap((name) => outcomes.get(name)?.tables ?? []);
  const figures = [...outcomes.keys()].filter((name) => name !== soak.name);
  writePart(PAGE, PARTS.figures, note, [goals, ...tablesOf(figures)]);
  if (outcomes.has(soak.name)) writePart(PAGE, PARTS.soak, note, tablesOf([soak.name]));
  writeFileSync(CHART, chart);
}

/** A bar for each server that the throughput was measured of. */
function chartOf({ variants, chosen }: Plan, figures: Outcome['figures'], goals: readonly JudgedGoal[], note: string) {
  const bars = chosen.flatMap((name): Bar[] => {
    const [ratio, goal] = [figures[name], goals.find((each) => each.goal.figure === name)];
    if (ratio === undefined) return [];
    return [{ name, what: variants[name]?.what ?? '', ratio, ours: goal !== undefined, ...(goal && { goal }) }];
  });
  return drawChart(bars, note);
}

async function run(options: Options): Promise<void> {
  const wanted = plan(options);
  const { note, outcomes, failed } = await measureAll(options, wanted);
  const figures = Object.assign({}, ...[...outcomes.values()].map((outcome) => outcome.figures)) as Outcome['figures'];
  const judged = judge(GOALS, figures);
  const goals = goalTable(judged.filter(({ seen }) => options.complete || seen !== undefined));
  const tables = [goals, ...[...outcomes.values()].flatMap((outcome) => outcome.tables)];

  console.log(`${note}\n`);
  for (const table of tables) if (table.rows.length > 0) console.log(asText(table));
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ note, figures, goals: judged, tables, failed }, undefined, 2)}\n`);
  }
  if (options.complete && failed.length === 0) {
    writeDocumentation(outcomes, goals, chartOf(wanted, figures, judged, note), note);
  }
  const complaints = [...failed, ...(options.check ? failures(judged).map((each) => `under its floor: ${each}`) : [])];
  for (const complaint of complaints) console.error(complaint);
  if (complaints.length > 0) process.exitCode = 1;
}

// A bench that is interrupted takes its servers along.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) console.log(USAGE);
  else if (options.list) list();
  else await run(options);
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
