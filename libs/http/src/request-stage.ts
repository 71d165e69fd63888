import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RequestContext } from './request-context.js';

/**
 * A stage at the start of a request. Runs for every request but the silent ones, also for those that end as
 * 404, 405 or 400. A stage that returns nothing costs no microtask; a promise is awaited.
 */
export interface OnRequestStage {
  onRequest(context: RequestContext, request: FastifyRequest): void | Promise<void>;
}

/**
 * A stage that everything after it runs inside of: it must call `next` exactly once, synchronously, and may do
 * so within a context of its own (a tracing context, say).
 */
export interface AroundRequestStage {
  aroundRequest(context: RequestContext, request: FastifyRequest, next: () => void): void;
}

/** A stage before the head of the answer is written: the last place to set headers. */
export interface OnSendStage {
  onSend(context: RequestContext, request: FastifyRequest, reply: FastifyReply): void;
}

/**
 * A stage after the answer is sent, or after its connection was lost (then `reply.raw.writableFinished` is
 * false). Runs for every request but the silent ones, exactly once.
 *
 * @param durationMs time since the request reached the pipeline, in milliseconds
 */
export interface OnResponseStage {
  onResponse(context: RequestContext, request: FastifyRequest, reply: FastifyReply, durationMs: number): void;
}
