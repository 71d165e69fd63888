import { STATUS_CODES } from 'node:http';

/** Media type of every error but `/readyz` and `/metrics` (RFC 9457). */
export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** An error for machines and people (RFC 9457, section 3.1), with the request's id as an extension member. */
export interface ProblemDetails {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  /** What is wrong with this request and how to mend it. Never for a 5xx: a client learns nothing of the inside. */
  readonly detail?: string;
  readonly request_id: string;
}

/**
 * @param status HTTP status of the answer
 * @param detail for a client error only; dropped for a 5xx
 */
export function problemDetails(status: number, requestId: string, detail?: string): ProblemDetails {
  const title = STATUS_CODES[status] ?? 'Error';
  return {
    type: 'about:blank',
    title,
    status,
    // Nest fills in the status text where nobody gave a message; that says nothing more than the title.
    ...(detail !== undefined && detail !== title && status < 500 ? { detail } : {}),
    request_id: requestId,
  };
}
