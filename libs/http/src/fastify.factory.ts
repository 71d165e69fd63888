import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  fastify,
} from 'fastify';
import type { HttpConfig } from '#libs/config';
import { answerClientError, type ClientErrorListener, createHttpServer } from './http-server.js';
import { acceptJsonBodies } from './json-body.js';
import { requestIdOf } from './request-id.js';

/** What Fastify must be told before it exists, since it happens before any hook runs. */
export interface FastifyHandlers {
  /** A URL that the router cannot read, or a route parameter beyond its limit. */
  readonly onFrameworkError: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => void;
  readonly onClientError: ClientErrorListener;
}

/** Creates Fastify with every limit written down. It has no route, hook or listener yet. */
export function createFastify(config: HttpConfig, handlers: FastifyHandlers): FastifyInstance {
  const options: FastifyServerOptions = {
    logger: false,
    serverFactory: (handler) => createHttpServer(config, handler),
    // A number of hops works as documented but is missing from Fastify's types.
    trustProxy: config.trustProxy as boolean | string[],
    bodyLimit: config.bodyLimitBytes,
    genReqId: requestIdOf,
    // Refusing from the first moment of a shutdown would fail clients that no load balancer has warned yet.
    return503OnClosing: false,
    frameworkErrors: handlers.onFrameworkError,
    clientErrorHandler: (error, socket) => answerClientError(error, socket, handlers.onClientError),
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
  };
  const instance = fastify(options);
  acceptJsonBodies(instance);
  return instance;
}
