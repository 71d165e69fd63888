import type { FastifyReply } from 'fastify';

/** What proxies log for a client that went away before its answer was written (first used by nginx). */
const CLIENT_CLOSED_REQUEST = 499;

/** Status of the answer as the client saw it. */
export function statusOf(reply: FastifyReply): number {
  return reply.raw.writableFinished ? reply.raw.statusCode : CLIENT_CLOSED_REQUEST;
}
