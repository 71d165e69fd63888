import { cpus, totalmem } from 'node:os';
import type { Bench } from '../measurements/measurement.ts';

/** What figures depend on, in a sentence. */
export function surroundings({ cores, load, logs }: Pick<Bench, 'cores' | 'load' | 'logs'>, date: Date): string {
  const processors = cpus();
  const machine = `${processors.length} × ${processors[0]?.model.trim() ?? process.arch}, ${Math.round(totalmem() / 1e9)} GB`;
  const destination = logs === 'pipe' ? 'logs to a pipe that is read' : 'logs to /dev/null';
  const day = date.toISOString().slice(0, 10);
  return `${day} · ${machine}, ${process.platform} · Node ${process.versions.node} · ${cores.description} · ${load.tool} · ${destination}`;
}
