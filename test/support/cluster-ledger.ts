import { type Namespace, servicePods } from './cluster.js';
import { PodLogs } from './cluster-logs.js';
import { eventually } from './eventually.js';

/** Lines wait in buffers, spans for the next batch, and all of them for a busy machine. */
const ARRIVE_WITHIN_MS = 60_000;
const TOLD = 10;

/** What there is of the requests of one load. */
export interface Account {
  /** Access lines in the logs of the service's pods. */
  readonly lines: number;
  /** Pods in whose logs they are. */
  readonly pods: number;
  /** Spans that the collector got. */
  readonly spans: number;
  /** The first of the requests that have not exactly one of each. */
  readonly amiss: readonly string[];
}

/** Keeps book of access lines and spans, of all pods of the service, from its making to `close`. */
export class Ledger {
  /** By request id, the lines that name its trace too. */
  private readonly lines = new Map<string, number>();
  /** By load. */
  private readonly pods = new Map<string, Set<string>>();
  /** By trace id. */
  private readonly spans = new Map<string, number>();
  private readonly service: PodLogs;
  private readonly collector: PodLogs;

  /** @param namespace of the service, and of a collector that logs its spans (`startCollector`) */
  constructor(namespace: Namespace) {
    this.service = new PodLogs(namespace, servicePods(), (line, pod) => this.enterLine(line, pod));
    this.collector = new PodLogs(namespace, 'app=otel-collector', (line) => {
      const trace = /\b([0-9a-f]{32}) [0-9a-f]{16}\b/.exec(line)?.[1];
      if (trace !== undefined) count(this.spans, trace);
    });
  }

  /** Waits for what is on its way. @returns what there is of the requests 1 to `sent` of a load (cluster-load.ts) */
  async account(load: string, sent: number): Promise<Account> {
    const requests = Array.from({ length: sent }, (_, index) => {
      const number = index + 1;
      return { id: `${load}-${number}`, trace: traceId(load, number) };
    });
    const entries = () =>
      requests.map(({ id, trace }) => ({
        id,
        lines: this.lines.get(`${id} ${trace}`) ?? 0,
        spans: this.spans.get(trace) ?? 0,
      }));
    await eventually(
      'every request has its line and its span',
      () => entries().every(({ lines, spans }) => lines > 0 && spans > 0),
      ARRIVE_WITHIN_MS,
    ).catch(() => {}); // Whoever asked sees what is amiss.
    const found = entries();
    return {
      lines: sum(found.map(({ lines }) => lines)),
      pods: this.pods.get(load)?.size ?? 0,
      spans: sum(found.map(({ spans }) => spans)),
      amiss: found
        .filter(({ lines, spans }) => lines !== 1 || spans !== 1)
        .slice(0, TOLD)
        .map(({ id, lines, spans }) => `${id}: ${lines} lines, ${spans} spans`),
    };
  }

  async close(): Promise<void> {
    await Promise.all([this.service.stop(), this.collector.stop()]);
  }

  private enterLine(line: string, pod: string): void {
    if (!line.includes('"request_id"')) return;
    const { msg, request_id: request, trace_id: trace } = JSON.parse(line) as Record<string, string>;
    if (msg !== 'request' || request === undefined) return;
    count(this.lines, `${request} ${trace}`);
    const load = request.slice(0, request.lastIndexOf('-'));
    this.pods.set(load, (this.pods.get(load) ?? new Set()).add(pod));
  }
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** As load.mjs makes it. */
function traceId(load: string, number: number): string {
  return Buffer.from(load.padEnd(8, '.').slice(-8)).toString('hex') + number.toString(16).padStart(16, '0');
}
