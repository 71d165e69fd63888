/**
 * `npm run profile`: where the microseconds of a request go, or the bytes that it allocates, or the time of a start. Of a
 * load only the load itself is profiled, not the start and the warm-up, so that the sum is what a request costs.
 */
import '../../scripts/require-node.mjs';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { bestLoadTool, Load } from './load/load.ts';
import { drawFlameGraph } from './profile/flame-graph.ts';
import {
  byOwner,
  type CpuProfile,
  type Frame,
  foldCpuProfile,
  foldHeapProfile,
  type HeapProfile,
  hottest,
  IDLE,
} from './profile/fold.ts';
import { sourceMapLookUp } from './profile/sources.ts';
import { amount, asText } from './report/table.ts';
import { compileServers } from './servers/compile.ts';
import { type Cores, shareOutCores } from './servers/cores.ts';
import { startDatabase } from './servers/database.ts';
import { OtlpSink } from './servers/otlp-sink.ts';
import { type ServerSpec, startServer } from './servers/server-process.ts';
import { VARIANTS, type Variant } from './servers/variants.ts';

const USAGE = `npm run profile [-- options]

  --variant NAME     which server of the bench (everything)
  --path PATH        what is asked for (/)
  --status N         what it answers (200)
  --seconds N        how long (10), after as long a warm-up of at most 6
  --heap             what is allocated, in place of the time
  --start            the start of the process up to its first answer, in place of the load
`;
const CONNECTIONS = 64;
const WARM_UP_SECONDS = 6;
const HOTTEST = 25;

const ROOT = new URL('../../', import.meta.url);
const FOLDER = new URL('out/profile/', ROOT);

interface ProfileOptions {
  readonly name: string;
  readonly variant: Variant;
  readonly path: string;
  readonly status: number;
  readonly seconds: number;
  /** What is profiled. */
  readonly kind: 'cpu' | 'heap' | 'start';
}

function readOptions(): ProfileOptions | undefined {
  const { values } = parseArgs({
    options: {
      variant: { type: 'string', default: 'everything' },
      path: { type: 'string', default: '/' },
      status: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '10' },
      heap: { type: 'boolean', default: false },
      start: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const variant = VARIANTS[values.variant];
  if (variant === undefined) throw new Error(`--variant takes one of ${Object.keys(VARIANTS).join(', ')}`);
  const [status, seconds] = [Number(values.status), Number(values.seconds)];
  if (!(status >= 200) || !(seconds >= 1)) throw new Error('--status and --seconds take numbers');
  const kind = values.start ? 'start' : values.heap ? 'heap' : 'cpu';
  return { name: values.variant, variant, path: values.path, status, seconds, kind };
}

/** What was seen: a call tree, and what its values are to be divided by. */
interface Profiled {
  readonly raw: CpuProfile | HeapProfile;
  readonly root: Frame;
  readonly unit: string;
  /** Of the values of the tree for one unit of what is shown. */
  readonly divisor: number;
  /** What else there is to know. */
  readonly remark: string;
}

/** Starts the server with all it needs, and ends everything after `use`. */
async function withSurroundings<T>(
  { variant }: ProfileOptions,
  use: (spec: ServerSpec, cores: Cores) => Promise<T>,
): Promise<T> {
  const cores = shareOutCores();
  await compileServers();
  const database = await startDatabase();
  const sink = await OtlpSink.start();
  try {
    return await use(variant.spec({ databaseUrl: database.url, otlpEndpoint: sink.endpoint, logs: 'pipe' }), cores);
  } finally {
    await sink.stop();
    await database.remove();
  }
}

function profileLoad(options: ProfileOptions): Promise<Profiled> {
  const { path, status, seconds, kind } = options;
  return withSurroundings(options, async (spec, cores) => {
    const load = new Load(cores, bestLoadTool());
    const server = await startServer(spec, cores, { probe: true });
    try {
      const asked = { path, status, connections: CONNECTIONS };
      await load.full(server, { ...asked, seconds: Math.min(WARM_UP_SECONDS, seconds) });
      await server.ask(kind === 'heap' ? 'startHeapProfile' : 'startCpuProfile');
      const { requests, cpuPerRequest } = await load.full(server, { ...asked, seconds });
      if (kind === 'heap') {
        const raw = await server.ask<HeapProfile>('stopHeapProfile');
        const root = foldHeapProfile(raw, sourceMapLookUp());
        return { raw, root, unit: 'bytes/request', divisor: requests, remark: '' };
      }
      const raw = await server.ask<CpuProfile>('stopCpuProfile');
      const remark = `; the process used ${amount(cpuPerRequest)} µs, the profiler's part included`;
      return { raw, root: foldCpuProfile(raw, sourceMapLookUp()), unit: 'µs/request', divisor: requests, remark };
    } finally {
      await server.stop();
    }
  });
}

/** By Node's own profiler, which is there from the first moment, and writes what it saw at the end. */
function profileStart(options: ProfileOptions): Promise<Profiled> {
  return withSurroundings(options, async (spec, cores) => {
    const file = new URL(`${options.name}-start.cpuprofile`, FOLDER);
    const flags = [
      '--cpu-prof',
      `--cpu-prof-dir=${fileURLToPath(FOLDER)}`,
      `--cpu-prof-name=${basename(file.pathname)}`,
    ];
    const server = await startServer({ ...spec, command: [flags, spec.command].flat() }, cores);
    await server.stop();
    const raw = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
    const remark = `; first answer after ${amount(server.startedInMs)} ms, the end of the process included`;
    return { raw, root: foldCpuProfile(raw, sourceMapLookUp()), unit: 'ms', divisor: 1_000, remark };
  });
}

function report({ name, path, kind }: ProfileOptions, { raw, root, unit, divisor, remark }: Profiled): void {
  const show = (value: number): string => amount(value / divisor);
  const owners = byOwner(root).filter(([owner]) => owner !== IDLE);
  const total = owners.reduce((sum, [, self]) => sum + self, 0);
  const share = (value: number): string => `${((value / total) * 100).toFixed(1)} %`;
  const what = kind === 'start' ? `start of ${name}` : `${name}, GET ${path}`;
  console.log(
    asText({
      title: `${what}: ${show(total)} ${unit}${remark}`,
      head: ['owner', unit, 'share'],
      rows: owners.map(([owner, self]) => [owner, show(self), share(self)]),
      notes: [],
    }),
  );
  console.log(
    asText({
      title: 'Functions',
      head: [unit, 'share', 'function', 'owner', 'where'],
      rows: hottest(root, HOTTEST).map((frame) => [
        show(frame.self),
        share(frame.self),
        frame.name,
        frame.owner,
        frame.place.replace(ROOT.pathname, ''),
      ]),
      notes: [],
    }),
  );

  const suffix = kind === 'cpu' ? '' : `-${kind}`;
  const file = `${name}${path === '/' ? '' : path.replaceAll(/[^a-z0-9]+/gi, '-')}${suffix}`;
  const rawFile = `${file}.${kind === 'heap' ? 'heapprofile' : 'cpuprofile'}`;
  writeFileSync(new URL(rawFile, FOLDER), JSON.stringify(raw));
  writeFileSync(
    new URL(`${file}.svg`, FOLDER),
    drawFlameGraph(root, `${what}: ${unit}`, (value) => `${show(value)} ${unit}`),
  );
  console.log(
    `out/profile/${file}.svg is the flame graph, out/profile/${rawFile} is for the developer tools of a browser`,
  );
}

// A run that is interrupted takes its server along.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  const options = readOptions();
  if (options === undefined) console.log(USAGE);
  else {
    mkdirSync(FOLDER, { recursive: true });
    report(options, await (options.kind === 'start' ? profileStart(options) : profileLoad(options)));
  }
} catch (error) {
  console.error(`profile: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
