import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

/** Why a port cannot be listened on, in the system's own code (`EADDRINUSE`, `EACCES`, …); `undefined` when it can. */
export async function whyNotListen(port: number, host: string | undefined): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ port, ...(host && { host }) });
    await once(server, 'listening');
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    server.close();
  }
}

/** A port of the loopback address that nothing listens on at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
