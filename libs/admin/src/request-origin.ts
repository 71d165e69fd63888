import type { IncomingHttpHeaders } from 'node:http';
import { BlockList, isIPv4 } from 'node:net';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');

/** Host of a `Host` header or an origin, without its port; `undefined` when it is none. */
function hostOf(authority: string): string | undefined {
  return URL.parse(`http://${authority}`)?.hostname;
}

/** Whether a `Host` header names this machine by a loopback name or address, or the service by its own name. */
export function isLocalHost(header: string | undefined, serviceName: string): boolean {
  const host = header === undefined ? undefined : hostOf(header);
  if (host === undefined) return false;
  return (
    host === 'localhost' ||
    host.endsWith('.localhost') ||
    host === '[::1]' ||
    host === serviceName.toLowerCase() ||
    (isIPv4(host) && LOOPBACK.check(host))
  );
}

/**
 * Whether a browser says that another site's page made this request: by `Sec-Fetch-Site` (Fetch Metadata), or by an
 * `Origin` other than the host it was sent to. Programs send neither.
 */
export function isForeignRequest(headers: IncomingHttpHeaders): boolean {
  if (headers['sec-fetch-site'] === 'cross-site') return true;
  const { origin, host } = headers;
  if (origin === undefined) return false;
  const originHost = URL.parse(origin)?.host;
  return originHost === undefined || originHost !== URL.parse(`http://${host}`)?.host;
}
