import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** The kernel counts processor time for user space in hundredths of a second on every architecture; see proc(5). */
const MICROSECONDS_PER_TICK = 10_000;

/** Processor time that a process has used so far, all its threads together, in microseconds. */
export function cpuMicroseconds(pid: number): number {
  if (process.platform !== 'linux') return parseCpuTime(ps(pid, 'time=')) * 1e6;
  // Everything behind the last parenthesis, because the command's name may hold any character.
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  const [user, system] = [fields[11], fields[12]].map(Number);
  return ((user ?? 0) + (system ?? 0)) * MICROSECONDS_PER_TICK;
}

/** Memory of a process that is in RAM, in megabytes of 10⁶ bytes. */
export function residentMegabytes(pid: number): number {
  if (process.platform !== 'linux') return (Number(ps(pid, 'rss=')) * 1024) / 1e6;
  const [, kilobytes] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1')) ?? [];
  return (Number(kilobytes) * 1024) / 1e6;
}

/** Seconds out of `[[hh:]mm:]ss.cc`, as ps writes it on macOS. */
export function parseCpuTime(text: string): number {
  return text.split(':').reduce((seconds, part) => seconds * 60 + Number(part), 0);
}

function ps(pid: number, column: string): string {
  return execFileSync('ps', ['-o', column, '-p', String(pid)], { encoding: 'utf8' }).trim();
}
