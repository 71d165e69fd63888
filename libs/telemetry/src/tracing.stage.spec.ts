import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type Attributes, type Context, context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RequestContext } from '#libs/http';
import type { TracingService } from './tracing.service.js';
import { TracingStage } from './tracing.stage.js';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const CALLER_SPAN_ID = '00f067aa0ba902b7';
const exporter = new InMemorySpanExporter();
const tracer = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }).getTracer('test');
const tracing = {
  makesSpans: true,
  startServerSpan: (name: string, attributes: Attributes, parent: Context) =>
    tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent),
};
const stage = new TracingStage(tracing as TracingService);

beforeAll(() => void context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
afterAll(() => context.disable());
afterEach(() => exporter.reset());

function contextOf(recordTrace: boolean): RequestContext {
  const requestContext = new RequestContext('id', 'GET', '/orders/:id', false, 0);
  requestContext.recordTrace = recordTrace;
  return requestContext;
}

function requestOf(headers: Record<string, string> = {}): FastifyRequest {
  const raw = { method: 'GET', url: '/orders/7', httpVersion: '1.1', socket: { remoteAddress: '::1' } };
  return { raw, headers, hostname: 'host', port: 80, protocol: 'http', ip: '::1' } as unknown as FastifyRequest;
}

function replyOf(statusCode: number, raw = { headersSent: true, writableFinished: true }): FastifyReply {
  return { statusCode, raw } as unknown as FastifyReply;
}

function serve(requestContext: RequestContext, request: FastifyRequest, reply = replyOf(200)): string | undefined {
  let activeSpanId: string | undefined;
  stage.aroundRequest(requestContext, request, () => {
    activeSpanId = trace.getActiveSpan()?.spanContext().spanId;
  });
  stage.onResponse(requestContext, request, reply);
  return activeSpanId;
}

describe('TracingStage', () => {
  it('given tracing, serves the request inside a server span that ends with the answer', () => {
    const requestContext = contextOf(true);

    const activeSpanId = serve(requestContext, requestOf());

    const [span] = exporter.getFinishedSpans();
    expect(span).toMatchObject({
      name: 'GET /orders/:id',
      kind: SpanKind.SERVER,
      status: { code: SpanStatusCode.UNSET },
    });
    expect(span?.attributes['http.response.status_code']).toBe(200);
    expect(activeSpanId).toBe(span?.spanContext().spanId);
    expect(requestContext).toMatchObject({
      traceId: span?.spanContext().traceId,
      spanId: span?.spanContext().spanId,
      traceSampled: true,
    });
  });

  it('given a sampled caller, becomes its child', () => {
    serve(contextOf(true), requestOf({ traceparent: `00-${TRACE_ID}-${CALLER_SPAN_ID}-01` }));

    const [span] = exporter.getFinishedSpans();
    expect(span?.spanContext().traceId).toBe(TRACE_ID);
    expect(span?.parentSpanContext?.spanId).toBe(CALLER_SPAN_ID);
  });

  it('given a caller that is not sampled, has ids for the log and exports nothing', () => {
    const requestContext = contextOf(true);

    serve(requestContext, requestOf({ traceparent: `00-${TRACE_ID}-${CALLER_SPAN_ID}-00` }));

    expect(exporter.getFinishedSpans()).toEqual([]);
    expect(requestContext).toMatchObject({ traceId: TRACE_ID, traceSampled: false });
    expect(requestContext.spanId).toMatch(/^[\da-f]{16}$/);
  });

  it.each([
    [200, undefined, SpanStatusCode.UNSET],
    [404, undefined, SpanStatusCode.UNSET],
    [500, '500', SpanStatusCode.ERROR],
    [503, '503', SpanStatusCode.ERROR],
  ])('given status %i, has error.type %s and span status %i', (status, errorType, code) => {
    serve(contextOf(true), requestOf(), replyOf(status));

    const [span] = exporter.getFinishedSpans();
    expect(span?.attributes['http.response.status_code']).toBe(status);
    expect(span?.attributes['error.type']).toBe(errorType);
    expect(span?.status.code).toBe(code);
  });

  it('given a connection lost before the answer, ends the span without a status', () => {
    serve(contextOf(true), requestOf(), replyOf(200, { headersSent: false, writableFinished: false }));

    const [span] = exporter.getFinishedSpans();
    expect(span?.attributes).toMatchObject({ 'error.type': 'connection_lost' });
    expect(span?.attributes).not.toHaveProperty('http.response.status_code');
    expect(span?.status.code).toBe(SpanStatusCode.UNSET);
  });

  it('given no tracing, passes the caller on: its trace id, no span', () => {
    const requestContext = contextOf(false);

    const activeSpanId = serve(requestContext, requestOf({ traceparent: `00-${TRACE_ID}-${CALLER_SPAN_ID}-01` }));

    expect(activeSpanId).toBe(CALLER_SPAN_ID);
    expect(requestContext).toMatchObject({ traceId: TRACE_ID, spanId: undefined, traceSampled: false });
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it('given a disabled SDK, passes the caller on like without tracing', () => {
    const requestContext = contextOf(true);
    tracing.makesSpans = false;

    const activeSpanId = serve(requestContext, requestOf({ traceparent: `00-${TRACE_ID}-${CALLER_SPAN_ID}-01` }));
    tracing.makesSpans = true;

    expect(activeSpanId).toBe(CALLER_SPAN_ID);
    expect(requestContext).toMatchObject({ traceId: TRACE_ID, spanId: undefined });
    expect(exporter.getFinishedSpans()).toEqual([]);
  });

  it('given no tracing and no caller, only goes on', () => {
    const requestContext = contextOf(false);

    const activeSpanId = serve(requestContext, requestOf());

    expect(activeSpanId).toBeUndefined();
    expect(requestContext.traceId).toBeUndefined();
  });
});
