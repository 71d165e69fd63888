const PROBE_INTERVAL_MS = 500;
const PROBE_TIMEOUT_MS = 1_000;
const REQUEST_TIMEOUT_MS = 10_000;

/** What clients met so far. */
export interface TrafficCounts {
  readonly sent: number;
  /** Answers that were not 200, and requests without an answer. */
  readonly failed: number;
}

/**
 * Steady requests for `/`, as through a load balancer: only an instance that is ready gets any, so none go out while
 * none is.
 */
export class Traffic {
  private readonly ready = new Set<string>();
  private readonly probes: readonly NodeJS.Timeout[];
  private requests: NodeJS.Timeout | undefined;
  private sent = 0;
  private failed = 0;

  /** @param instances their base URLs */
  constructor(instances: readonly string[]) {
    this.probes = instances.map((url) => setInterval(() => void this.probe(url), PROBE_INTERVAL_MS));
  }

  get counts(): TrafficCounts {
    return { sent: this.sent, failed: this.failed };
  }

  start(requestsPerSecond: number): void {
    this.stop();
    this.requests = setInterval(() => void this.send(), 1_000 / requestsPerSecond);
  }

  /** Nobody comes any more. */
  stop(): void {
    clearInterval(this.requests);
  }

  /** For good. */
  end(): void {
    this.stop();
    for (const probe of this.probes) clearInterval(probe);
  }

  private async probe(url: string): Promise<void> {
    const status = await statusOf(`${url}/readyz`, PROBE_TIMEOUT_MS);
    if (status === 200) this.ready.add(url);
    else this.ready.delete(url);
  }

  private async send(): Promise<void> {
    const instances = [...this.ready];
    const instance = instances[this.sent % instances.length];
    if (instance === undefined) return;
    this.sent += 1;
    if ((await statusOf(`${instance}/`, REQUEST_TIMEOUT_MS)) !== 200) this.failed += 1;
  }
}

/** `undefined` when there is no answer. */
async function statusOf(url: string, timeoutMs: number): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    await response.body?.cancel();
    return response.status;
  } catch {
    return undefined;
  }
}
