/** What a load tool saw. Times in milliseconds. */
export interface LoadResult {
  /** Answers received. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Answers whose status is neither 2xx nor 3xx. */
  readonly refused: number;
  /** Connections lost, requests not answered in time. */
  readonly errors: number;
}

const MILLISECONDS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * Reads what `wrk --latency` prints.
 *
 * @throws when it is something else
 */
export function parseWrkOutput(text: string): LoadResult {
  const find = (pattern: RegExp): string => {
    const [, found] = pattern.exec(text) ?? [];
    if (found === undefined) throw new Error(`wrk's output lacks ${pattern}:\n${text}`);
    return found;
  };
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text)?.slice(1) ?? [];
  return {
    requests: Number(find(/(\d+) requests in /)),
    requestsPerSecond: Number(find(/Requests\/sec:\s*([\d.]+)/)),
    p50: milliseconds(find(/^\s*50%\s+(\S+)/m)),
    p99: milliseconds(find(/^\s*99%\s+(\S+)/m)),
    max: milliseconds(find(/^\s*Latency\s+\S+\s+\S+\s+(\S+)/m)),
    refused: Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0),
    errors: errors.reduce((sum, count) => sum + Number(count), 0),
  };
}

function milliseconds(text: string): number {
  const [, value, unit = ''] = /^([\d.]+)([a-z]+)$/.exec(text) ?? [];
  const factor = MILLISECONDS[unit];
  if (factor === undefined) throw new Error(`wrk writes a time as ${text}`);
  return Number(value) * factor;
}
