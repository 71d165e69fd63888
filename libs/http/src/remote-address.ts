import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/**
 * Address of the client, safe to log. Behind a trusted proxy (`TRUST_PROXY`) `request.ip` is what the proxy passed
 * on, which may be any text; then it is the address of the proxy.
 *
 * @returns `undefined` once the connection is closed, and where the address was not of a proxy
 */
export function remoteAddressOf({ ip, raw }: FastifyRequest): string | undefined {
  const { remoteAddress } = raw.socket;
  return ip === remoteAddress || isIP(ip) === 0 ? remoteAddress : ip;
}
