import type { Attributes } from '@opentelemetry/api';
import {
  ATTR_CLIENT_ADDRESS,
  ATTR_HTTP_REQUEST_METHOD,
  ATTR_HTTP_REQUEST_METHOD_ORIGINAL,
  ATTR_HTTP_ROUTE,
  ATTR_NETWORK_PROTOCOL_VERSION,
  ATTR_SERVER_ADDRESS,
  ATTR_SERVER_PORT,
  ATTR_URL_PATH,
  ATTR_URL_SCHEME,
  ATTR_USER_AGENT_ORIGINAL,
} from '@opentelemetry/semantic-conventions';
import type { FastifyRequest } from 'fastify';
import { type RequestContext, remoteAddressOf, UNMATCHED_ROUTE } from '#libs/http';

/** `GET /orders/:id`; the method alone where no route matched, and `HTTP` for a method nobody defined. */
export function serverSpanName({ method, route }: RequestContext): string {
  const name = method === 'OTHER' ? 'HTTP' : method;
  return route === UNMATCHED_ROUTE ? name : `${name} ${route}`;
}

/**
 * What is known when a request arrives, by the HTTP semantic conventions 1.x
 * (https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server). `url.query` is left out on purpose: a
 * query may hold secrets.
 */
export function requestAttributes({ method, route }: RequestContext, request: FastifyRequest): Attributes {
  const attributes: Attributes = {
    [ATTR_HTTP_REQUEST_METHOD]: method === 'OTHER' ? '_OTHER' : method,
    [ATTR_URL_SCHEME]: request.protocol,
    [ATTR_URL_PATH]: pathOf(request.raw.url ?? ''),
    [ATTR_CLIENT_ADDRESS]: remoteAddressOf(request),
    [ATTR_NETWORK_PROTOCOL_VERSION]: request.raw.httpVersion,
  };
  if (method === 'OTHER') attributes[ATTR_HTTP_REQUEST_METHOD_ORIGINAL] = request.raw.method;
  if (route !== UNMATCHED_ROUTE) attributes[ATTR_HTTP_ROUTE] = route;
  const userAgent = request.headers['user-agent'];
  if (userAgent !== undefined) attributes[ATTR_USER_AGENT_ORIGINAL] = userAgent;
  const { hostname, port } = request;
  if (hostname) attributes[ATTR_SERVER_ADDRESS] = hostname;
  if (port) attributes[ATTR_SERVER_PORT] = port;
  return attributes;
}

/** The path of a request target, which may also be a whole URL (RFC 9112, section 3.2.2) with a password in it. */
function pathOf(target: string): string {
  const path = target.startsWith('/') ? target : target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '');
  const end = path.search(/[?#]/);
  return end === -1 ? path : path.slice(0, end);
}
