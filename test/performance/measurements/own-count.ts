import type { Server } from '../servers/server-process.ts';

const POLL_MS = 100;
const POLLS = 50;

/** What the service counted itself. */
export interface OwnCount {
  readonly requests: number;
  readonly droppedLines: number;
}

/** Reads the service's own counters, once nothing is in flight any more. */
export async function ownCount(server: Server): Promise<OwnCount> {
  let last = await read(server);
  for (let poll = 0; poll < POLLS; poll++) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    const now = await read(server);
    if (now.requests === last.requests) return now;
    last = now;
  }
  throw new Error('the service goes on counting requests, though there are none');
}

async function read(server: Server): Promise<OwnCount> {
  const response = await fetch(`${server.url}/metrics`);
  const text = await response.text();
  return { requests: sumOf(text, 'http_requests_total'), droppedLines: sumOf(text, 'log_lines_dropped_total') };
}

/** Sums all series of a metric in Prometheus' text format. */
export function sumOf(exposition: string, metric: string): number {
  const samples = exposition.matchAll(new RegExp(`^${metric}(?:\\{.*\\})? (\\S+)`, 'gm'));
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}

/** How many series there are. */
export function countSeries(exposition: string): number {
  return exposition.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
}
