import { execFile, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Cores, onCore } from '../servers/cores.ts';
import type { Server } from '../servers/server-process.ts';
import { parseAutocannonOutput } from './autocannon-output.ts';
import { type LoadResult, parseWrkOutput } from './wrk-output.ts';

const AUTOCANNON = fileURLToPath(import.meta.resolve('autocannon'));
const PACED_CLIENT = join(import.meta.dirname, 'paced-client.ts');

const run = promisify(execFile);

/** `wrk` costs its core less than autocannon, and so leaves more of it to whatever else runs there. */
export type LoadTool = 'wrk' | 'autocannon';

export function bestLoadTool(): LoadTool {
  return spawnSync('wrk', ['--version'], { stdio: 'ignore' }).error === undefined ? 'wrk' : 'autocannon';
}

export interface LoadOptions {
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** @default 200 */
  readonly status?: number;
}

/** What a load saw, and what it cost the server. */
export interface MeasuredLoad extends LoadResult {
  /** Processor time of the server's process for each answer, in microseconds. */
  readonly cpuPerRequest: number;
  /** Share of a core that the process had: 1 is all of it, less under full load means that something was in its way. */
  readonly busy: number;
}

/** What the paced client is told. */
export interface PacedOptions {
  readonly connections: number;
  /** Requests a second, whatever the answers do; without it each connection sends as soon as it has its answer. */
  readonly rate?: number;
  readonly requests: number;
  readonly path: string;
  /** Number the paths through, so that there are as many different ones. */
  readonly distinctPaths?: number;
  readonly status: number;
  /** Asked for now and then on a connection of its own, and not counted. */
  readonly aside?: { readonly path: string; readonly accept: string; readonly everyMs: number };
}

/** Puts load on servers from a core of its own. */
export class Load {
  readonly #cores: Cores;
  readonly tool: LoadTool;

  constructor(cores: Cores, tool: LoadTool) {
    this.#cores = cores;
    this.tool = tool;
  }

  /**
   * As much as the connections can carry.
   *
   * @throws when an answer is not what it should be: figures of failures compare with nothing
   */
  async full(server: Server, { path, connections, seconds, status = 200 }: LoadOptions): Promise<MeasuredLoad> {
    const url = server.url + path;
    const args: readonly [string, ...string[]] =
      this.tool === 'wrk'
        ? ['wrk', '--latency', '-t1', `-c${connections}`, `-d${seconds}s`, url]
        : [process.execPath, AUTOCANNON, '--json', '-n', '-c', String(connections), '-d', String(seconds), url];
    const read = this.tool === 'wrk' ? parseWrkOutput : parseAutocannonOutput;
    return await this.#measured(server, url, status, async () => read(await this.#output(args)));
  }

  /** At a pace, in the client of our own; latency counts from when a request was due, so that a wait is not left out. */
  async paced(server: Server, options: PacedOptions): Promise<MeasuredLoad> {
    const order = JSON.stringify({ ...options, port: server.port });
    return await this.#measured(server, server.url + options.path, options.status, async () => {
      const output = await this.#output([process.execPath, PACED_CLIENT, order]);
      return JSON.parse(output) as LoadResult;
    });
  }

  async #measured(server: Server, url: string, status: number, load: () => Promise<LoadResult>): Promise<MeasuredLoad> {
    const before = server.cpu();
    const result = await load();
    const cpuPerRequest = (server.cpu() - before) / result.requests;
    const refused = status >= 400 ? result.requests - result.refused : result.refused;
    if (refused > 0) throw new Error(`${refused} of ${result.requests} answers of ${url} are not ${status}`);
    if (result.errors > 0) throw new Error(`${result.errors} requests of ${url} failed or were not answered in time`);
    if (result.requests === 0) throw new Error(`${url} answered nothing`);
    return { ...result, cpuPerRequest, busy: (cpuPerRequest * result.requestsPerSecond) / 1e6 };
  }

  async #output(command: readonly [string, ...string[]]): Promise<string> {
    const [program, ...args] = onCore(this.#cores.load, command);
    const { stdout } = await run(program, args, { maxBuffer: 64 * 1024 * 1024 });
    return stdout;
  }
}
