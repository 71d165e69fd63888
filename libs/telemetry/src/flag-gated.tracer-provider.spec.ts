import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { context, isSpanContextValid, ROOT_CONTEXT, type SpanContext, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { RequestContext, runInRequest } from '#libs/http';
import { FlagGatedTracerProvider } from './flag-gated.tracer-provider.js';

const exporter = new InMemorySpanExporter();
const sdk = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] });
const tracer = new FlagGatedTracerProvider(sdk).getTracer('test');
const CALLER: SpanContext = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1, isRemote: true };

beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
afterAll(() => context.disable());
afterEach(() => exporter.reset());

/** Runs `work` as if a request were served, within the context of its caller. */
function whileServing(recordTrace: boolean, work: () => void): void {
  const request = new RequestContext('id', 'GET', '/', false, 0);
  request.recordTrace = recordTrace;
  runInRequest(request, () => context.with(trace.setSpanContext(ROOT_CONTEXT, CALLER), work));
}

describe('FlagGatedTracerProvider', () => {
  it('while a traced request is served, makes spans in all ways of the API', () => {
    whileServing(true, () => {
      tracer.startSpan('plain').end();
      tracer.startActiveSpan('active', (span) => span.end());
      tracer.startActiveSpan('with options', { kind: SpanKind.CLIENT }, (span) => span.end());
      tracer.startActiveSpan('with context', {}, ROOT_CONTEXT, (span) => span.end());
    });

    const spans = exporter.getFinishedSpans();
    expect(spans.map(({ name, parentSpanContext }) => [name, parentSpanContext?.spanId])).toEqual([
      ['plain', CALLER.spanId],
      ['active', CALLER.spanId],
      ['with options', CALLER.spanId],
      ['with context', undefined],
    ]);
    expect(spans[2]?.kind).toBe(SpanKind.CLIENT);
  });

  it('while a request without tracing is served, makes none and leaves the caller in its place', () => {
    let within: SpanContext | undefined;

    whileServing(false, () => {
      tracer.startSpan('plain').end();
      tracer.startActiveSpan('active', (span) => {
        within = trace.getSpanContext(context.active());
        span.end();
      });
    });

    expect(exporter.getFinishedSpans()).toEqual([]);
    expect(within).toEqual(CALLER);
  });

  it('without tracing and without a caller, hands out a span that is none', () => {
    const request = new RequestContext('id', 'GET', '/', false, 0);
    let valid = true;

    runInRequest(request, () => {
      valid = isSpanContextValid(tracer.startSpan('plain').spanContext());
    });

    expect(valid).toBe(false);
  });

  it('outside of any request, leaves the decision to the SDK', () => {
    const result = tracer.startActiveSpan('job', (span) => {
      span.end();
      return 'done';
    });

    expect(result).toBe('done');
    expect(exporter.getFinishedSpans()).toHaveLength(1);
  });
});
