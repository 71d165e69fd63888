import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpConfig } from '#libs/config';
import type { ConnectionError } from './unreadable-requests.service.js';

/** Node looks for stalled connections this often; its own 30 s would let a timeout of 10 s last up to 40 s. */
const CONNECTIONS_CHECKING_INTERVAL_MS = 5_000;
/** Node's own limit, named: a larger head is answered with 431. */
const MAX_HEADER_BYTES = 16_384;

/** Called for each connection whose bytes are no request. */
export type UnreadableListener = (error: ConnectionError, socket: Socket) => void;

/** An HTTP server with every limit written down; the public and the management listener are both made here. */
export function createHttpServer(
  config: HttpConfig,
  handler: RequestListener,
  onUnreadable: UnreadableListener,
): Server {
  const server = createServer(
    {
      requestTimeout: config.requestTimeoutMs,
      headersTimeout: config.headersTimeoutMs,
      keepAliveTimeout: config.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(CONNECTIONS_CHECKING_INTERVAL_MS, config.headersTimeoutMs),
      maxHeaderSize: MAX_HEADER_BYTES,
      // A header sent twice shows as such, instead of the first one winning here and the second one in a proxy.
      joinDuplicateHeaders: true,
      // The pipeline looks at `Host` itself: Node's own 400 has no body, and no line in the log.
      requireHostHeader: false,
    },
    handler,
  );
  // Likewise Node's own 417: an expectation we do not meet is refused by the pipeline.
  server.on('checkExpectation', handler);
  server.on('clientError', (error, socket) => onUnreadable(error, socket as Socket));
  // Without a listener Node closes the connection without a word.
  server.on('connect', (_request, socket) => {
    socket.on('error', () => undefined);
    onUnreadable(Object.assign(new Error('this is no proxy'), { code: 'CONNECT' }), socket as Socket);
  });
  return server;
}
