import { once } from 'node:events';
import type { AddressInfo, ListenOptions, Server } from 'node:net';

/** Errors of a machine without IPv6. */
const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);

const REASON_BY_CODE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'this user may not',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'this machine has no such address',
};

/** A listener that cannot be. Its message names the port, the address and the reason. */
export class ListenError extends Error {
  constructor(host: string | undefined, port: number, cause: unknown) {
    const { code = '', message } = cause as NodeJS.ErrnoException;
    super(`cannot listen on port ${port} of ${host ?? 'any address'}: ${REASON_BY_CODE[code] ?? message}`, { cause });
    this.name = 'ListenError';
  }
}

/**
 * Listens on `host`; without one on every address, IPv6 and IPv4 (`::`), or on IPv4 alone where there is no IPv6.
 *
 * @param listen starts to listen and rejects with the system's error
 * @throws {@link ListenError}
 */
export async function listenOn(
  host: string | undefined,
  port: number,
  listen: (host: string) => Promise<unknown>,
): Promise<void> {
  try {
    await listen(host ?? '::');
  } catch (error) {
    if (host !== undefined || !NO_IPV6.has((error as NodeJS.ErrnoException).code ?? ''))
      throw new ListenError(host, port, error);
    await listenOn('0.0.0.0', port, listen);
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
