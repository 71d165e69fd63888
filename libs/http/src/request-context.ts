import { AsyncLocalStorage } from 'node:async_hooks';

/** Route label of a request that no route serves: unknown paths, and known ones with another method. */
export const UNMATCHED_ROUTE = 'unmatched';

/**
 * What the service knows of one request while it is served. Every field exists from the start, so the object
 * keeps one shape and reading it on the way of a request stays cheap.
 */
export class RequestContext {
  /** Whether this request is counted and timed. Decided by the flags stage. */
  recordMetrics = false;
  /** Whether this request gets a server span. Decided by the flags stage. */
  recordTrace = false;
  /** Trace id (32 hex digits) of the server span, or of the caller's `traceparent` where there is no span. */
  traceId: string | undefined = undefined;
  /** Span id (16 hex digits) of the server span; `undefined` without one. */
  spanId: string | undefined = undefined;
  /** Whether the span is sampled: only then may an exemplar point to it. */
  traceSampled = false;

  constructor(
    /** The caller's `X-Request-Id` where that is sane, else one of our own. */
    readonly requestId: string,
    /** A method of RFC 9110 or RFC 5789, or `OTHER`: safe as a metric label. */
    readonly method: string,
    /** Template of the route (`/orders/:id`), never the raw path; {@link UNMATCHED_ROUTE} when no route serves it. */
    readonly route: string,
    /** Probes and scrapes: neither logged, counted nor traced. */
    readonly silent: boolean,
    /** `performance.now()` when the request reached the pipeline, in milliseconds. */
    readonly startedAt: number,
  ) {}
}

const storage = new AsyncLocalStorage<RequestContext>();

/** The context of the request being served by this asynchronous call chain; `undefined` outside of one. */
export function currentRequest(): RequestContext | undefined {
  return storage.getStore();
}

/** Runs `next` and all it starts inside `context`. */
export function runInRequest(context: RequestContext, next: () => void): void {
  storage.run(context, next);
}
