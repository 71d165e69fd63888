import { createServer, type RequestListener, type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpConfig } from '#libs/config';
import { PROBLEM_CONTENT_TYPE, problemDetails } from './problem-details.js';
import { requestIdOf } from './request-id.js';

/** Node looks for stalled connections this often; its own 30 s would let a timeout of 10 s last up to 40 s. */
const CONNECTIONS_CHECKING_INTERVAL_MS = 5_000;
/** Node's own limit, named: a larger head is answered with 431. */
const MAX_HEADER_BYTES = 16_384;

/** Called for each request that Node refuses before it is one. */
export type ClientErrorListener = (code: string, remoteAddress: string | undefined) => void;

/** An HTTP server with every limit written down; the public and the management listener are both made here. */
export function createHttpServer(config: HttpConfig, handler: RequestListener): Server {
  const server = createServer(
    {
      requestTimeout: config.requestTimeoutMs,
      headersTimeout: config.headersTimeoutMs,
      keepAliveTimeout: config.keepAliveTimeoutMs,
      connectionsCheckingInterval: CONNECTIONS_CHECKING_INTERVAL_MS,
      maxHeaderSize: MAX_HEADER_BYTES,
      // A missing `Host` is refused by the pipeline, with a body; Node's own 400 has none.
      requireHostHeader: false,
    },
    handler,
  );
  // Node's own 417 has no body either.
  server.on('checkExpectation', (request, response) => {
    const { head, body } = rawProblem(417, requestIdOf(request));
    response.writeHead(417, head).end(body);
  });
  return server;
}

const STATUS_BY_ERROR_CODE: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
};

/** Answers what Node could not parse, or waited for in vain, and closes the connection: its framing is lost. */
export function answerClientError(
  error: Error & { readonly code?: string },
  socket: Socket,
  listener: ClientErrorListener,
): void {
  const code = error.code ?? error.name;
  if (code === 'ECONNRESET' || socket.destroyed) return;
  listener(code, socket.remoteAddress);
  if (socket.writable) {
    const status = STATUS_BY_ERROR_CODE[code] ?? 400;
    const { head, body } = rawProblem(status, requestIdOf({ headers: {} }));
    const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}`);
    socket.write([`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines, '', body].join('\r\n'));
  }
  socket.destroySoon();
}

/** A whole answer for where no Fastify reply exists, with the headers that every answer has. */
function rawProblem(status: number, requestId: string): { head: Record<string, string | number>; body: string } {
  const body = JSON.stringify(problemDetails(status, requestId));
  return {
    body,
    head: {
      'content-type': PROBLEM_CONTENT_TYPE,
      'content-length': Buffer.byteLength(body),
      'x-request-id': requestId,
      'x-content-type-options': 'nosniff',
      connection: 'close',
    },
  };
}
