import { AsyncLocalStorage } from 'node:async_hooks';
import type { LoggerService } from '@nestjs/common';
import { TraceFlags } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter, type SpanProcessor } from '@opentelemetry/sdk-trace';
import { LogThrottle } from './log-throttle.js';
import { integerFromEnvironment } from './otel-environment.js';
import {
  EXPORT_DELAY_MS,
  EXPORT_GUARD_MS,
  MAX_QUEUED_SPANS,
  MAX_SPANS_PER_EXPORT,
  SHUTDOWN_FLUSH_TIMEOUT_MS,
} from './telemetry.constants.js';

/** Why a span was lost: no room in the queue, the receiver failed, or the process had to end. */
export type SpanDropReason = 'queue_full' | 'export_failed' | 'shutdown';

/**
 * The SDK's batches within bounds of our own: it counts what it loses, tells the log once a minute, and its shutdown
 * never takes longer than {@link SHUTDOWN_FLUSH_TIMEOUT_MS}.
 */
export class BoundedSpanProcessor implements SpanProcessor {
  private readonly counts: Record<SpanDropReason, number> = { queue_full: 0, export_failed: 0, shutdown: 0 };
  private readonly maxQueued = integerFromEnvironment('OTEL_BSP_MAX_QUEUE_SIZE', {
    fallback: MAX_QUEUED_SPANS,
    least: 1,
  });
  private readonly throttle = new LogThrottle();
  private readonly batches: BatchSpanProcessor;
  private queued = 0;
  private inFlight = 0;
  private failing = false;
  private stopped = false;

  /**
   * @param target what the log calls the receiver
   * @param outsideRequests runs a function outside of any request: the SDK's timers would otherwise live, and log, in
   * the name of the request that happened to start them
   */
  constructor(
    private readonly exporter: SpanExporter,
    private readonly target: string,
    private readonly logger: Pick<LoggerService, 'log' | 'warn'>,
    private readonly outsideRequests: ReturnType<typeof AsyncLocalStorage.snapshot> = AsyncLocalStorage.snapshot(),
  ) {
    this.batches = new BatchSpanProcessor({
      exporter: {
        export: (spans, done) => this.export(spans, done),
        forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
        shutdown: () => exporter.shutdown(),
      },
      maxQueueSize: this.maxQueued,
      maxExportBatchSize: Math.min(
        this.maxQueued,
        integerFromEnvironment('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', { fallback: MAX_SPANS_PER_EXPORT, least: 1 }),
      ),
      scheduledDelayMillis: integerFromEnvironment('OTEL_BSP_SCHEDULE_DELAY', { fallback: EXPORT_DELAY_MS, least: 0 }),
      exportTimeoutMillis: integerFromEnvironment('OTEL_BSP_EXPORT_TIMEOUT', { fallback: EXPORT_GUARD_MS, least: 1 }),
    });
  }

  /** Spans lost since the start. */
  dropped(): Readonly<Record<SpanDropReason, number>> {
    return { ...this.counts };
  }

  onStart(): void {}

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (this.stopped) {
      this.counts.shutdown++;
      return;
    }
    if (this.queued >= this.maxQueued) {
      this.counts.queue_full++;
      this.warn(
        'queue_full',
        `${this.queued} spans already wait for ${this.target}: new ones are dropped until it takes some`,
      );
      return;
    }
    this.queued++;
    this.outsideRequests(() => this.batches.onEnd(span));
  }

  /** Sends what waits; settles when that has arrived or failed. */
  forceFlush(): Promise<void> {
    return this.batches.forceFlush();
  }

  /** Sends what waits, for as long as that may take; what has not left by then is counted as dropped. */
  async shutdown(): Promise<void> {
    if (this.stopped) return;
    const outcome = await within(SHUTDOWN_FLUSH_TIMEOUT_MS, this.batches.shutdown());
    this.stopped = true;
    const left = this.queued + this.inFlight;
    this.counts.shutdown += left;
    if (left > 0) {
      this.logger.warn(
        `${left} spans have not reached ${this.target} within ${SHUTDOWN_FLUSH_TIMEOUT_MS} ms of the shutdown: they are dropped, the process ends without them`,
      );
    }
    if (outcome instanceof Error) this.warn('shutdown', `closing the exporter failed: ${outcome.message}`);
  }

  private export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.queued -= spans.length;
    this.inFlight += spans.length;
    this.exporter.export(spans, (result) => {
      if (!this.stopped) this.account(spans.length, result);
      // A failure is dealt with; the SDK would only log it again, with all that the receiver answered.
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  private account(spans: number, { code, error }: ExportResult): void {
    this.inFlight -= spans;
    if (code === ExportResultCode.SUCCESS) {
      if (this.failing) this.logger.log(`${this.target} takes spans again`);
      this.failing = false;
      return;
    }
    this.counts.export_failed += spans;
    const lost = this.counts.export_failed;
    const logged = this.warn(
      'export_failed',
      `${this.target} did not take ${spans} spans (${describe(error)}): they are dropped (${lost} so far), later ones are sent as they come`,
    );
    this.failing ||= logged;
  }

  private warn(subject: string, message: string): boolean {
    const allowed = this.throttle.allows(subject);
    if (allowed) this.outsideRequests(() => this.logger.warn(message));
    return allowed;
  }
}

/** A connection refused on both IPv4 and IPv6 has a code but no message. */
function describe(error: (Error & { code?: string | number }) | undefined): string {
  return (error?.message || String(error?.code ?? 'no reason given')).slice(0, 200);
}

/** Waits for `work`, at most `ms`; an error is handed back, not thrown. */
async function within(ms: number, work: Promise<void>): Promise<unknown> {
  const settled = work.then(
    () => undefined,
    (error: unknown) => error,
  );
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  const outcome = await Promise.race([settled, patience]);
  clearTimeout(timer);
  return outcome;
}
