import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Which processor core is whose; none of them where nothing can be pinned. */
export interface Cores {
  readonly server: number | undefined;
  readonly load: number | undefined;
  /** In words, for the report. */
  readonly description: string;
}

/**
 * Shares out the cores that this process may use, and moves this process itself, which reads the servers' logs and takes
 * their spans, away from the server's.
 */
export function shareOutCores(): Cores {
  const [server, load, own = load] = allowedCores();
  if (server === undefined || load === undefined || !hasTaskset()) {
    return { server: undefined, load: undefined, description: 'server and load are not pinned to cores of their own' };
  }
  spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(own), String(process.pid)]);
  return { server, load, description: `server on one core, load on another${own === load ? ' with the bench' : ''}` };
}

/** A command that runs on one core. It becomes that program: its pid is the program's. */
export function onCore(core: number | undefined, command: readonly [string, ...string[]]): [string, ...string[]] {
  return core === undefined ? [...command] : ['taskset', '--cpu-list', String(core), ...command];
}

/** Reads lists such as `0-3,8`. */
export function parseCoreList(list: string): number[] {
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

function allowedCores(): number[] {
  if (process.platform !== 'linux') return [];
  const [, list] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'latin1')) ?? [];
  return list === undefined ? [] : parseCoreList(list);
}

function hasTaskset(): boolean {
  return spawnSync('taskset', ['--version'], { stdio: 'ignore' }).status === 0;
}
