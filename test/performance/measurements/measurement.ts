import type { Load } from '../load/load.ts';
import type { Table } from '../report/table.ts';
import type { Cores } from '../servers/cores.ts';
import { OtlpSink } from '../servers/otlp-sink.ts';
import { type Server, startServer } from '../servers/server-process.ts';
import type { Variant } from '../servers/variants.ts';
import type { Spread } from '../statistics.ts';

/** How long and how often. Times in seconds. */
export interface Settings {
  readonly rounds: number;
  /** Before anything is measured: V8 has compiled by then what it will. */
  readonly warmUp: number;
  readonly seconds: number;
  /** The reference before each variant, and not only once a round. */
  readonly paired: boolean;
  readonly connections: number;
  readonly soakMinutes: number;
}

/** What measurements need. */
export interface Bench {
  readonly settings: Settings;
  readonly cores: Cores;
  readonly load: Load;
  readonly databaseUrl: string;
  readonly logs: 'pipe' | 'ignore';
  /** All servers by name, peers too. */
  readonly variants: Readonly<Record<string, Variant>>;
  /** Those that the throughput is measured of. */
  readonly chosen: readonly string[];
  /** Tells what is done now, and how many seconds that will take. */
  step(what: string, seconds: number): void;
}

/** What came out. */
export interface Outcome {
  readonly tables: readonly Table[];
  /** By the names that goals have. */
  readonly figures: Readonly<Record<string, Spread>>;
  /** Servers that did not do what they should, in sentences; of these there are no figures. */
  readonly failed?: readonly string[];
}

export interface Measurement {
  readonly name: string;
  readonly what: string;
  /** Part of a quick run. */
  readonly quick: boolean;
  /** About how long it takes. */
  seconds(bench: Pick<Bench, 'settings' | 'chosen'>): number;
  run(bench: Bench): Promise<Outcome>;
}

/** About what a process takes to start and to end, in seconds. */
export const TURNOVER_SECONDS = 1.5;

/** Starts a variant, lets `use` measure it, and ends it. @returns what `use` does, and the spans that arrived */
export async function withServer<T>(
  bench: Bench,
  variant: Variant,
  use: (server: Server) => Promise<T>,
  options: { readonly probe?: boolean } = {},
): Promise<T & { readonly spans: number | undefined }> {
  const { cores, databaseUrl, logs } = bench;
  const sink = variant.spans === 'none' ? undefined : await OtlpSink.start();
  try {
    const spec = variant.spec({ databaseUrl, logs, ...(sink && { otlpEndpoint: sink.endpoint }) });
    const server = await startServer(spec, cores, options);
    let result: T;
    try {
      result = await use(server);
    } finally {
      // Spans that wait are sent before it is gone.
      await server.stop();
    }
    return { ...result, spans: sink?.countSpans() };
  } finally {
    await sink?.stop();
  }
}

/** What `inRounds` is told. */
export interface Turns<T> {
  /** Of the measurement, as progress names it. */
  readonly what: string;
  /** The reference first. */
  readonly servers: readonly string[];
  /** What one turn takes. */
  readonly seconds: number;
  readonly measure: (server: string) => Promise<T>;
  /** What servers are compared by. */
  readonly figure: (measured: T) => number;
}

/** Lets each server have its turn in every round. @returns by server what was measured, and its ratio to the reference of the same round */
export async function inRounds<T>(
  bench: Pick<Bench, 'settings' | 'step'>,
  { what, servers, seconds, measure, figure }: Turns<T>,
): Promise<Readonly<Record<string, readonly (T & { readonly ratio: number })[]>>> {
  const { rounds } = bench.settings;
  const samples: Record<string, (T & { readonly ratio: number })[]> = {};
  for (let round = 1; round <= rounds; round++) {
    let reference: number | undefined;
    for (const server of servers) {
      bench.step(`${what} of ${server}, round ${round} of ${rounds}`, seconds);
      const measured = await measure(server);
      reference ??= figure(measured);
      (samples[server] ??= []).push({ ...measured, ratio: figure(measured) / reference });
    }
  }
  return samples;
}
