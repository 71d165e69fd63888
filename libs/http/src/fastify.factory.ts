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

/** Fastify's own value, named: a longer parameter of a route is answered with 414. */
const MAX_PARAM_LENGTH = 100;
/** Fastify's own value, named: a plugin that takes longer to load fails the start. */
const PLUGIN_TIMEOUT_MS = 10_000;

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
    pluginTimeout: PLUGIN_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    // No `handlerTimeout`: it would answer the client, and the handler would go on. What a handler waits for has a
    // limit of its own (a statement, a flag), which ends the work as well.
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

/**
 * A number of hops holds only where nobody reaches the service but through that many proxies, so Fastify takes none
 * since 5.12.1 (https://github.com/advisories/GHSA-3m5p-2c4r-xxw2). Where the addresses of
 * the proxies are not known it is still all there is. This may go when `TRUST_PROXY` takes no number any more.
 */
function trustProxy(trusted: HttpConfig['trustProxy']): NonNullable<FastifyServerOptions['trustProxy']> {
  if (typeof trusted === 'number') return (_address, hop) => hop < trusted;
  return typeof trusted === 'boolean' ? trusted : [...trusted];
}
