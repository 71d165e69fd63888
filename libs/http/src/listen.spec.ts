import { createServer } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { ListenError, listenAsync, listenOn, portOf } from './listen.js';

const systemError = (code: string): Error => Object.assign(new Error(`listen ${code}`), { code });

describe('listenOn', () => {
  it('listens on the host it is given', async () => {
    const listen = jest.fn(async (_host: string) => undefined);

    await listenOn('127.0.0.1', 1, listen);

    expect(listen.mock.calls).toEqual([['127.0.0.1']]);
  });

  it('without a host listens on every address', async () => {
    const listen = jest.fn(async (_host: string) => undefined);

    await listenOn(undefined, 1, listen);

    expect(listen.mock.calls).toEqual([['::']]);
  });

  it.each(['EAFNOSUPPORT', 'EADDRNOTAVAIL'])('without a host and without IPv6 (%s) listens on IPv4', async (code) => {
    const listen = jest.fn(async (host: string) => {
      if (host === '::') throw systemError(code);
    });

    await listenOn(undefined, 1, listen);

    expect(listen.mock.calls).toEqual([['::'], ['0.0.0.0']]);
  });

  it.each([
    [undefined, 'EADDRINUSE', 'cannot listen on port 80 of any address: another process listens there'],
    ['10.0.0.1', 'EADDRNOTAVAIL', 'cannot listen on port 80 of 10.0.0.1: this machine has no such address'],
    ['10.0.0.1', 'EACCES', 'cannot listen on port 80 of 10.0.0.1: this user may not'],
    ['10.0.0.1', 'EIO', 'cannot listen on port 80 of 10.0.0.1: listen EIO'],
  ])('on %s, refused with %s, says: %s', async (host, code, message) => {
    const error: unknown = await listenOn(host, 80, () => Promise.reject(systemError(code))).catch((reason) => reason);

    expect(error).toBeInstanceOf(ListenError);
    expect(error).toMatchObject({ message, cause: { code } });
  });
});

describe('listenAsync', () => {
  it('settles once the server listens, on a port of its own for 0', async () => {
    const server = createServer();

    await listenAsync(server, { port: 0, host: '127.0.0.1' });

    expect(portOf(server)).toBeGreaterThan(0);
    server.close();
  });

  it('rejects with the error of the system', async () => {
    const first = createServer();
    await listenAsync(first, { port: 0, host: '127.0.0.1' });

    const second = listenAsync(createServer(), { port: portOf(first), host: '127.0.0.1' });

    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
    first.close();
  });
});
