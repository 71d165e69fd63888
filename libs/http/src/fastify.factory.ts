import {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
  fastify,
} from 'fastify';
import type { HttpConfig } from '#libs/config';
import { createHttpServer, type UnreadableListener } from './http-server.js';
import { acceptJsonBodies } from './json-body.js';
import { requestIdOf } from './request-id.js';

/** What Fastify must be told before it exists, since it happens before any hook runs. */
export interface FastifyHandlers {
  /** A URL that the router cannot read, or a route parameter beyond its limit. */
  readonly onFrameworkError: (error: FastifyError, request: FastifyRequest, reply: FastifyReply) => void;
  /** Bytes that are no request. */
  readonly onUnreadable: UnreadableListener;
}

/** Creates Fastify with every limit written down. It has no route, hook or listener yet. */
export function createFastify(config: HttpConfig, handlers: FastifyHandlers): FastifyInstance {
  const options: FastifyServerOptions = {
    logger: false,
    serverFactory: (handler) => createHttpServer(config, handler, handlers.onUnreadable),
    trustProxy: trustProxy(config.trustProxy),
    bodyLimit: config.bodyLimitBytes,
    genReqId: requestIdOf,
    // Refusing from the first moment of a shutdown would fail clients that no load balancer has warned yet.
    return503OnClosing: false,
    frameworkErrors: handlers.onFrameworkError,
    // The server does it, so that both listeners do.
    clientErrorHandler: () => undefined,
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
  };
  const instance = fastify(options);
  acceptJsonBodies(instance);
  return instance;
}

/** Fastify 5 takes a number of hops and then trusts nobody, so it is given the function that its number once meant. */
function trustProxy(trusted: HttpConfig['trustProxy']): NonNullable<FastifyServerOptions['trustProxy']> {
  if (typeof trusted === 'number') return (_address, hop) => hop < trusted;
  return typeof trusted === 'boolean' ? trusted : [...trusted];
}
