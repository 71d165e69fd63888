import type { IncomingHttpHeaders } from 'node:http';
import {
  type Context,
  context,
  defaultTextMapGetter,
  propagation,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api';
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from '@opentelemetry/core';

/** The flags that W3C Trace Context defines: sampled (level 1) and random trace id (level 2). */
const KNOWN_TRACE_FLAGS = 0b11;

/** W3C Trace Context and W3C Baggage, in and out. */
export const w3cPropagator = new CompositePropagator({
  propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()],
});

/** Whether a request brings anything to continue. */
export function hasTraceContext(headers: IncomingHttpHeaders): boolean {
  return headers.traceparent !== undefined || headers.baggage !== undefined;
}

/**
 * The caller's context, by W3C Trace Context and W3C Baggage. What is malformed or too long is left out, as if the
 * caller had not sent it: a request never fails for its tracing headers.
 */
export function remoteContext(headers: IncomingHttpHeaders): Context {
  const extracted = w3cPropagator.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
  const parent = trace.getSpanContext(extracted);
  return parent === undefined ? extracted : trace.setSpanContext(extracted, fitToForward(parent));
}

/**
 * Writes `traceparent`, `tracestate` and `baggage` of the request being served into the headers of an outbound one:
 *
 * ```ts
 * await fetch(url, { headers: injectTraceContext({ accept: 'application/json' }) });
 * ```
 *
 * With tracing on the receiver becomes a child of this service's span, with tracing off of its caller's.
 *
 * @returns the same `headers`; unchanged outside of a trace
 */
export function injectTraceContext(headers: Record<string, string>): Record<string, string> {
  propagation.inject(context.active(), headers);
  return headers;
}

/** Unknown flags must go out as zero (the propagator would print them, even with a third digit); so must an unreadable tracestate. */
function fitToForward(parent: SpanContext): SpanContext {
  const { traceState, ...rest } = parent;
  const fit: SpanContext = { ...rest, traceFlags: parent.traceFlags & KNOWN_TRACE_FLAGS };
  return traceState !== undefined && traceState.serialize() !== '' ? { ...fit, traceState } : fit;
}
