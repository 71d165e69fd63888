import { once } from 'node:events';
import type { AddressInfo, ListenOptions, Server } from 'node:net';

/** Errors of a machine without IPv6. */
const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);

/**
 * Listens on `host`; without one on every address, IPv6 and IPv4 (`::`), or on IPv4 alone where there is no IPv6.
 *
 * @param listen starts to listen and rejects with the system's error
 */
export async function listenOn(host: string | undefined, listen: (host: string) => Promise<unknown>): Promise<void> {
  if (host !== undefined) {
    await listen(host);
    return;
  }
  try {
    await listen('::');
  } catch (error) {
    if (!NO_IPV6.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await listen('0.0.0.0');
  }
}

/** As {@link Server.listen}, as a promise. */
export async function listenAsync(server: Server, options: ListenOptions): Promise<void> {
  server.listen(options);
  await once(server, 'listening');
}

/** The port a server listens on; 0 asked the system for a free one. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
