import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const SANE_REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** An id for a request that brings none, or no sane one. */
export function newRequestId(): string {
  return randomUUID();
}

/**
 * The caller's `X-Request-Id` where it is sane, else a new UUID. A header sent twice is not: Node joins the two
 * by a comma. What passes is safe in a header, a log line and a JSON string.
 */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const inbound = request.headers['x-request-id'];
  return typeof inbound === 'string' && SANE_REQUEST_ID.test(inbound) ? inbound : newRequestId();
}
