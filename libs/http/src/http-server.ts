import { createServer, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpConfig } from '#libs/config';
import type { ConnectionError } from './unreadable-requests.service.js';

/** Node looks for stalled connections this often; its own 30 s would let a timeout of 10 s last up to 40 s. */
const CONNECTIONS_CHECKING_INTERVAL_MS = 5_000;
/** Node's own limit, named: a larger head is answered with 431. */
const MAX_HEADER_BYTES = 16_384;
/** How many headers fit into a head is limit enough; Node would leave further ones out without a word. */
const MAX_HEADERS_COUNT = 0;
/** None: connections of a load balancer live long, and closing one costs its next request a handshake. */
const MAX_REQUESTS_PER_SOCKET = 0;
/** Node's own value, named: an idle connection is kept this much longer than announced, for a request on its way. */
const KEEP_ALIVE_TIMEOUT_BUFFER_MS = 1_000;

/** Targets in absolute form, which have a path like those that begin with it (RFC 9112, section 3.2). */
const ABSOLUTE = /^https?:\/\//i;

/** Called for each connection whose bytes are no request. */
export type UnreadableListener = (error: ConnectionError, socket: Socket) => void;

/** An HTTP server with every limit written down; the public and the management listener are both made here. */
export function createHttpServer(
  config: HttpConfig,
  handler: RequestListener,
  onUnreadable: UnreadableListener,
): Server {
  const listener: RequestListener = (request, response) => {
    // Fastify's router answers any other target by itself, past every hook, or takes it for `/`. With a slash it is an
    // unknown path like another: of the server as a whole (`*`) there is nothing to tell.
    const target = request.url ?? '';
    if (!target.startsWith('/') && !ABSOLUTE.test(target)) request.url = `/${target}`;
    handler(request, response);
  };
  const connectionsCheckingInterval = Math.min(CONNECTIONS_CHECKING_INTERVAL_MS, config.headersTimeoutMs);
  const server = createServer(
    {
      requestTimeout: config.requestTimeoutMs,
      headersTimeout: config.headersTimeoutMs,
      keepAliveTimeout: config.keepAliveTimeoutMs,
      keepAliveTimeoutBuffer: KEEP_ALIVE_TIMEOUT_BUFFER_MS,
      connectionsCheckingInterval,
      maxHeaderSize: MAX_HEADER_BYTES,
      // A header sent twice shows as such, instead of the first one winning here and the second one in a proxy.
      joinDuplicateHeaders: true,
      // The pipeline looks at `Host` itself: Node's own 400 has no body, and no line in the log.
      requireHostHeader: false,
    },
    listener,
  );
  server.maxHeadersCount = MAX_HEADERS_COUNT;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
  // For a client that does not read its answer: no byte went either way for so long. Late enough for the request
  // timeout, whose 408 is what a client that does not send should hear. `Connections` spares handlers at work.
  server.timeout = config.requestTimeoutMs + 2 * connectionsCheckingInterval;
  // As for `Host`, Node's own 417: an expectation we do not meet is refused by the pipeline.
  server.on('checkExpectation', listener);
  server.on('clientError', (error, socket) => onUnreadable(error, socket as Socket));
  // Without a listener Node closes the connection without a word.
  server.on('connect', (_request, socket) => {
    socket.on('error', () => undefined);
    onUnreadable(Object.assign(new Error('this is no proxy'), { code: 'CONNECT' }), socket as Socket);
  });
  return server;
}
