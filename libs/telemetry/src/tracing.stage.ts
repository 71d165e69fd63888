import { Injectable } from '@nestjs/common';
import { context, type Span, SpanStatusCode, TraceFlags, trace } from '@opentelemetry/api';
import { ATTR_ERROR_TYPE, ATTR_HTTP_RESPONSE_STATUS_CODE } from '@opentelemetry/semantic-conventions';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AroundRequestStage, OnResponseStage, RequestContext } from '#libs/http';
import { requestAttributes, serverSpanName } from './server-span.js';
import { hasTraceContext, remoteContext } from './trace-context.js';
import { TracingService } from './tracing.service.js';

/** `error.type` of a request whose connection was gone before its answer was. */
const CONNECTION_LOST = 'connection_lost';

/**
 * Serves a request inside its trace. With tracing on it gets a server span; with tracing off, or the SDK disabled, only
 * the caller's context is kept, for the log and for outbound requests.
 */
@Injectable()
export class TracingStage implements AroundRequestStage, OnResponseStage {
  private readonly spans = new WeakMap<RequestContext, Span>();

  constructor(private readonly tracing: TracingService) {}

  aroundRequest(requestContext: RequestContext, request: FastifyRequest, next: () => void): void {
    if (requestContext.recordTrace && this.tracing.makesSpans) this.serveTraced(requestContext, request, next);
    else if (hasTraceContext(request.headers)) this.servePassedOn(requestContext, request, next);
    else next();
  }

  onResponse(requestContext: RequestContext, _request: FastifyRequest, reply: FastifyReply): void {
    const span = this.spans.get(requestContext);
    if (span === undefined) return;
    this.spans.delete(requestContext);
    const { statusCode } = reply;
    const { headersSent, writableFinished } = reply.raw;
    if (headersSent) span.setAttribute(ATTR_HTTP_RESPONSE_STATUS_CODE, statusCode);
    if (!writableFinished) span.setAttribute(ATTR_ERROR_TYPE, CONNECTION_LOST);
    else if (statusCode >= 500) span.setAttribute(ATTR_ERROR_TYPE, String(statusCode));
    if (headersSent && statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end();
  }

  private serveTraced(requestContext: RequestContext, request: FastifyRequest, next: () => void): void {
    const parent = remoteContext(request.headers);
    const attributes = requestAttributes(requestContext, request);
    const span = this.tracing.startServerSpan(serverSpanName(requestContext), attributes, parent);
    const { traceId, spanId, traceFlags } = span.spanContext();
    requestContext.traceId = traceId;
    requestContext.spanId = spanId;
    requestContext.traceSampled = (traceFlags & TraceFlags.SAMPLED) !== 0;
    this.spans.set(requestContext, span);
    context.with(trace.setSpan(parent, span), next);
  }

  private servePassedOn(requestContext: RequestContext, request: FastifyRequest, next: () => void): void {
    const caller = remoteContext(request.headers);
    requestContext.traceId = trace.getSpanContext(caller)?.traceId;
    context.with(caller, next);
  }
}
