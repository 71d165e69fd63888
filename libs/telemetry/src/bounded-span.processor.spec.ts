import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ROOT_CONTEXT, type Span, TraceFlags, trace } from '@opentelemetry/api';
import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import { type ReadableSpan, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { BoundedSpanProcessor } from './bounded-span.processor.js';

const QUEUE_SIZE = 10;

/** Keeps each export open until the test says how it ended. */
class PendingExporter implements SpanExporter {
  readonly open: { spans: ReadableSpan[]; end: (result: ExportResult) => void }[] = [];
  shutdownError: Error | undefined;

  export(spans: ReadableSpan[], end: (result: ExportResult) => void): void {
    this.open.push({ spans, end });
  }

  endAll(result: ExportResult): void {
    for (const { end } of this.open.splice(0)) end(result);
  }

  async shutdown(): Promise<void> {
    if (this.shutdownError) throw this.shutdownError;
  }
}

const SUCCESS: ExportResult = { code: ExportResultCode.SUCCESS };

function failure(error?: Error): ExportResult {
  return error ? { code: ExportResultCode.FAILED, error } : { code: ExportResultCode.FAILED };
}

function setUp() {
  const exporter = new PendingExporter();
  const logger = { log: jest.fn<(message: string) => void>(), warn: jest.fn<(message: string) => void>() };
  const processor = new BoundedSpanProcessor(exporter, 'http://collector/v1/traces', logger);
  const tracer = new TracerProvider({ spanProcessors: [processor] }).getTracer('test');
  const endSpans = (count: number): void => {
    for (let index = 0; index < count; index++) tracer.startSpan(`span ${index}`, {}, ROOT_CONTEXT).end();
  };
  return { exporter, logger, processor, tracer, endSpans };
}

const environment = process.env;

beforeEach(() => {
  jest.useFakeTimers();
  process.env = { ...environment, OTEL_BSP_MAX_QUEUE_SIZE: String(QUEUE_SIZE), OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '100' };
});

afterEach(() => {
  jest.useRealTimers();
  process.env = environment;
});

describe('BoundedSpanProcessor', () => {
  it('exports after the delay, once for all that have come', async () => {
    const { exporter, endSpans } = setUp();

    endSpans(3);
    await jest.advanceTimersByTimeAsync(5_000);

    expect(exporter.open.map(({ spans }) => spans.length)).toEqual([3]);
  });

  it('given an export delay by OpenTelemetry’s own key, keeps to it', async () => {
    process.env['OTEL_BSP_SCHEDULE_DELAY'] = '100';
    const { exporter, endSpans } = setUp();

    endSpans(1);
    await jest.advanceTimersByTimeAsync(100);

    expect(exporter.open).toHaveLength(1);
  });

  it('while an export hangs, keeps a queue full of spans, counts what it drops and says so once', () => {
    const { exporter, logger, processor, endSpans } = setUp();

    endSpans(2 * QUEUE_SIZE + 7);

    expect(exporter.open.map(({ spans }) => spans.length)).toEqual([QUEUE_SIZE]);
    expect(processor.dropped()).toEqual({ queue_full: 7, export_failed: 0, shutdown: 0 });
    expect(logger.warn.mock.calls).toEqual([
      [`${QUEUE_SIZE} spans already wait for http://collector/v1/traces: new ones are dropped until it takes some`],
    ]);
  });

  it('given a failed export, counts its spans, warns once a minute and tells when it works again', async () => {
    const { exporter, logger, processor, endSpans } = setUp();
    const refused = failure(Object.assign(new Error(''), { code: 'ECONNREFUSED' }));

    for (const result of [refused, refused, SUCCESS, SUCCESS]) {
      endSpans(2);
      await jest.advanceTimersByTimeAsync(5_000);
      exporter.endAll(result);
    }

    expect(processor.dropped()).toEqual({ queue_full: 0, export_failed: 4, shutdown: 0 });
    expect(logger.warn.mock.calls).toEqual([
      [
        'http://collector/v1/traces did not take 2 spans (ECONNREFUSED): they are dropped (2 so far), later ones are sent as they come',
      ],
    ]);
    expect(logger.log.mock.calls).toEqual([['http://collector/v1/traces takes spans again']]);
  });

  it.each([
    [failure(new Error('Service Unavailable')), 'Service Unavailable'],
    [failure(), 'no reason given'],
  ])('given a failed export %#, gives its reason', async (result, reason) => {
    const { exporter, logger, endSpans } = setUp();

    endSpans(1);
    await jest.advanceTimersByTimeAsync(5_000);
    exporter.endAll(result);

    expect(logger.warn).toHaveBeenCalledWith(expect.stringContaining(`(${reason})`));
  });

  it('passes over spans that are not sampled', async () => {
    const { exporter, processor } = setUp();
    const unsampled = trace.wrapSpanContext({ traceId: 'a', spanId: 'b', traceFlags: TraceFlags.NONE });

    processor.onEnd(unsampled as Span & ReadableSpan);
    await jest.advanceTimersByTimeAsync(5_000);

    expect(exporter.open).toEqual([]);
  });

  it('when flushed, sends what waits and settles with it', async () => {
    const { exporter, processor, endSpans } = setUp();
    endSpans(1);

    const flushed = processor.forceFlush();
    await jest.advanceTimersByTimeAsync(0);
    exporter.endAll(SUCCESS);

    await expect(flushed).resolves.toBeUndefined();
  });

  it('when shut down, sends what waits', async () => {
    const { exporter, processor, endSpans } = setUp();
    endSpans(4);

    const ended = processor.shutdown();
    await jest.advanceTimersByTimeAsync(0);
    exporter.endAll(SUCCESS);
    await ended;

    expect(processor.dropped()).toEqual({ queue_full: 0, export_failed: 0, shutdown: 0 });
  });

  it('given a receiver that hangs, ends its shutdown in time and counts what stayed behind', async () => {
    const { logger, processor, endSpans } = setUp();
    endSpans(4);

    const ended = processor.shutdown();
    await jest.advanceTimersByTimeAsync(3_000);
    await ended;

    expect(processor.dropped().shutdown).toBe(4);
    expect(logger.warn).toHaveBeenCalledWith(expect.stringMatching(/^4 spans have not reached/));
  });

  it('counts a late answer after its shutdown no second time', async () => {
    const { exporter, processor, endSpans } = setUp();
    endSpans(4);
    const ended = processor.shutdown();
    await jest.advanceTimersByTimeAsync(3_000);
    await ended;

    exporter.endAll(failure());

    expect(processor.dropped()).toEqual({ queue_full: 0, export_failed: 0, shutdown: 4 });
  });

  it('counts spans that end after its shutdown', async () => {
    const { processor, endSpans } = setUp();
    await processor.shutdown();
    await processor.shutdown();

    endSpans(2);

    expect(processor.dropped().shutdown).toBe(2);
  });

  it('given an exporter that cannot be closed, says so and goes on', async () => {
    const { exporter, logger, processor } = setUp();
    exporter.shutdownError = new Error('no such file');

    await processor.shutdown();

    expect(logger.warn).toHaveBeenCalledWith('closing the exporter failed: no such file');
  });
});
