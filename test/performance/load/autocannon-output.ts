import type { LoadResult } from './wrk-output.ts';

interface AutocannonReport {
  readonly requests: { readonly total: number };
  /** Seconds. */
  readonly duration: number;
  readonly latency: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly '4xx': number;
  readonly '5xx': number;
  /** Timeouts included. */
  readonly errors: number;
}

/** Reads what `autocannon --json` prints. */
export function parseAutocannonOutput(text: string): LoadResult {
  const { requests, duration, latency, errors, ...statuses } = JSON.parse(text) as AutocannonReport;
  const { p50, p99, max } = latency;
  const refused = statuses['4xx'] + statuses['5xx'];
  return { requests: requests.total, requestsPerSecond: requests.total / duration, p50, p99, max, refused, errors };
}
