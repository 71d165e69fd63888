import { readFileSync } from 'node:fs';

/** What Linux tells about this process: https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
const STATUS_FILE = '/proc/self/status';

/**
 * Memory of this process that the kernel cannot take back, in bytes; `undefined` where the system does not tell (no
 * Linux). It is what brings a container to its limit: the rest of the resident memory is pages of files, the Node
 * binary above all, which the kernel drops before it kills anybody.
 *
 * @param read gives the text of the process' status
 */
export function anonymousMemoryBytes(read: () => string = () => readFileSync(STATUS_FILE, 'utf8')): number | undefined {
  let status: string;
  try {
    status = read();
  } catch {
    return undefined;
  }
  const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}
