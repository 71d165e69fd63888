/**
 * `npm run profile`: where the microseconds of a request go, or the bytes that it allocates. Only the load is profiled,
 * not the start and the warm-up, so that the sum is what a request costs.
 */
import '../../scripts/require-node.mjs';
import { mkdirSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bestLoadTool, Load, type MeasuredLoad } from './load/load.ts';
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
import { shareOutCores } from './servers/cores.ts';
import { startDatabase } from './servers/database.ts';
import { OtlpSink } from './servers/otlp-sink.ts';
import { type Server, startServer } from './servers/server-process.ts';
import { VARIANTS, type Variant } from './servers/variants.ts';

const USAGE = `npm run profile [-- options]

  --variant NAME     which server of the bench (everything)
  --path PATH        what is asked for (/)
  --status N         what it answers (200)
  --seconds N        how long (10), after as long a warm-up of at most 6
  --heap             what is allocated, in place of the time
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
  readonly heap: boolean;
}

function readOptions(): ProfileOptions | undefined {
  const { values } = parseArgs({
    options: {
      variant: { type: 'string', default: 'everything' },
      path: { type: 'string', default: '/' },
      status: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '10' },
      heap: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const variant = VARIANTS[values.variant];
  if (variant === undefined) throw new Error(`--variant takes one of ${Object.keys(VARIANTS).join(', ')}`);
  const [status, seconds] = [Number(values.status), Number(values.seconds)];
  if (!(status >= 200) || !(seconds >= 1)) throw new Error('--status and --seconds take numbers');
  return { name: values.variant, variant, path: values.path, status, seconds, heap: values.heap };
}

/** What was seen: a call tree, and what came of the load meanwhile. */
interface Profiled {
  readonly raw: CpuProfile | HeapProfile;
  readonly root: Frame;
  readonly load: MeasuredLoad;
}

async function profile(options: ProfileOptions): Promise<Profiled> {
  const { variant, path, status, seconds, heap } = options;
  const cores = shareOutCores();
  const load = new Load(cores, bestLoadTool());
  await compileServers();
  const database = await startDatabase();
  const sink = await OtlpSink.start();
  let server: Server | undefined;
  try {
    const spec = variant.spec({ databaseUrl: database.url, otlpEndpoint: sink.endpoint, logs: 'pipe' });
    server = await startServer(spec, cores, { probe: true });
    const asked = { path, status, connections: CONNECTIONS };
    await load.full(server, { ...asked, seconds: Math.min(WARM_UP_SECONDS, seconds) });
    await server.ask(heap ? 'startHeapProfile' : 'startCpuProfile');
    const seen = await load.full(server, { ...asked, seconds });
    const sourceOf = sourceMapLookUp();
    if (heap) {
      const raw = await server.ask<HeapProfile>('stopHeapProfile');
      return { raw, root: foldHeapProfile(raw, sourceOf), load: seen };
    }
    const raw = await server.ask<CpuProfile>('stopCpuProfile');
    return { raw, root: foldCpuProfile(raw, sourceOf), load: seen };
  } finally {
    await server?.stop();
    await sink.stop();
    await database.remove();
  }
}

function report({ name, path, heap }: ProfileOptions, { raw, root, load }: Profiled): void {
  const unit = heap ? 'bytes' : 'µs';
  const perRequest = (value: number): string => amount(value / load.requests);
  const owners = byOwner(root).filter(([owner]) => owner !== IDLE);
  const total = owners.reduce((sum, [, self]) => sum + self, 0);
  const share = (value: number): string => `${((value / total) * 100).toFixed(1)} %`;
  const withProfiler = heap ? '' : ` (the process used ${amount(load.cpuPerRequest)} µs, the profiler's part included)`;
  console.log(
    asText({
      title: `${name}, GET ${path}: ${perRequest(total)} ${unit} a request${withProfiler}`,
      head: ['owner', `${unit}/request`, 'share'],
      rows: owners.map(([owner, self]) => [owner, perRequest(self), share(self)]),
      notes: [],
    }),
  );
  console.log(
    asText({
      title: 'Functions',
      head: [`${unit}/request`, 'share', 'function', 'owner', 'where'],
      rows: hottest(root, HOTTEST).map((frame) => [
        perRequest(frame.self),
        share(frame.self),
        frame.name,
        frame.owner,
        frame.place.replace(ROOT.pathname, ''),
      ]),
      notes: [],
    }),
  );

  mkdirSync(FOLDER, { recursive: true });
  const file = `${name}${path === '/' ? '' : path.replaceAll(/[^a-z0-9]+/gi, '-')}`;
  const [rawFile, picture] = heap ? [`${file}.heapprofile`, `${file}-heap.svg`] : [`${file}.cpuprofile`, `${file}.svg`];
  const title = `${name}, GET ${path}: ${unit} a request`;
  writeFileSync(new URL(rawFile, FOLDER), JSON.stringify(raw));
  writeFileSync(
    new URL(picture, FOLDER),
    drawFlameGraph(root, title, (value) => `${perRequest(value)} ${unit}`),
  );
  console.log(
    `out/profile/${picture} is the flame graph, out/profile/${rawFile} is for the developer tools of a browser`,
  );
}

// A run that is interrupted takes its server along.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  const options = readOptions();
  if (options === undefined) console.log(USAGE);
  else report(options, await profile(options));
} catch (error) {
  console.error(`profile: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
