import { existsSync, readdirSync, statSync } from 'node:fs';
import { StartError } from './start-error.ts';

/** Who owns the data folder and runs the server. */
export interface PostgresAccount {
  readonly uid: number;
  readonly gid: number;
  /** Turns a command into one that this account runs. */
  command(program: string, args: readonly string[]): readonly [program: string, args: readonly string[]];
}

/** The account `nobody`; every Linux distribution gives it this number. */
const NOBODY = 65534;

/**
 * Ordinary users run Postgres themselves. Root may not: the server refuses. It then runs as the owner of the data
 * folder, or as `nobody` where there is no data folder yet.
 */
export function postgresAccount(dataFolder: string): PostgresAccount {
  const self = { uid: process.geteuid?.() ?? -1, gid: process.getegid?.() ?? -1 };
  if (self.uid !== 0) return { ...self, command: (program, args) => [program, args] };
  if (process.platform !== 'linux') {
    throw new StartError('Postgres refuses to run as root: start this as an ordinary user.');
  }
  const { uid, gid } = isFilled(dataFolder) ? statSync(dataFolder) : { uid: NOBODY, gid: NOBODY };
  if (uid === 0) {
    throw new StartError(
      `${dataFolder} belongs to root, and Postgres refuses to run as root: delete it to start afresh, ` +
        'or give it to another user (chown -R).',
    );
  }
  return { uid, gid, command: (program, args) => ['setpriv', [...asUser(uid, gid), program, ...args]] };
}

/** Whether there is a data folder. An empty one, as of a fresh volume, counts as none. */
export function isFilled(dataFolder: string): boolean {
  return existsSync(dataFolder) && readdirSync(dataFolder).length > 0;
}

/**
 * Root's checkout may lie where nobody else may look (`/root`), so the account keeps one right of root's: to pass
 * folders whatever their mode. `no_setuid_fixup` makes access(2), by which Postgres tests its own files, see that right.
 */
function asUser(uid: number, gid: number): string[] {
  return [
    ...['--reuid', String(uid), '--regid', String(gid), '--clear-groups'],
    ...['--securebits', '+no_setuid_fixup', '--inh-caps', '+dac_override', '--ambient-caps', '+dac_override'],
    '--',
  ];
}
