import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { readState } from '../../scripts/local/checkout-lock.ts';
import { childrenOf, commandLineOf, endProcess, identityOf, type Step } from '../../scripts/local/process-table.ts';

const STEPS: readonly Step[] = [
  ['SIGCONT', 0],
  ['SIGTERM', 10_000],
  ['SIGKILL', 5_000],
];

/** Ends a process of a test: in order if it can, so that it ends its own ones. */
export async function endLeftBehind(pid: number, identity: string): Promise<void> {
  await endProcess(pid, identity, STEPS);
}

/** Ends what runs on the folder of a launcher or of a test's Postgres. */
export async function endAllOn(folder: string): Promise<void> {
  const { launcher, service } = readState(folder);
  // The launcher first: it ends the other two.
  for (const each of [launcher, service]) if (each) await endLeftBehind(each.pid, each.identity);
  // Nobody needs this data again.
  await Promise.all(postgresOf(folder).map((pid) => endProcess(pid, identityOf(pid) ?? '', [['SIGKILL', 5_000]])));
}

/** The main process first, so that one that hangs starts no further ones. */
function postgresOf(folder: string): number[] {
  try {
    const pid = Number(readFileSync(join(folder, 'postgres', 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
    // The name is the test's own; the pid may be another process's by now.
    return commandLineOf(pid)?.includes(basename(folder)) ? [pid, ...childrenOf(pid)] : [];
  } catch {
    return []; // None was started, or it ended in order.
  }
}
