import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { PacedOptions } from './load.ts';
import type { LoadResult } from './wrk-output.ts';

const CLIENT = join(import.meta.dirname, 'paced-client.ts');
const STALL_MS = 200;

let server: Server;

afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
});

/** Lets the client loose on a server. */
async function load(answer: RequestListener, options: Partial<PacedOptions> = {}): Promise<LoadResult> {
  server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const order = { connections: 2, requests: 50, path: '/', status: 200, ...options, port };
  const { stdout } = await promisify(execFile)(process.execPath, [CLIENT, JSON.stringify(order)]);
  return JSON.parse(stdout) as LoadResult;
}

describe('the paced client', () => {
  it('sends as many requests as it is told, through as many paths', async () => {
    const paths: (string | undefined)[] = [];

    const result = await load(
      (request, response) => {
        paths.push(request.url);
        response.end('hello');
      },
      { path: '/item/', distinctPaths: 10 },
    );

    expect(result).toMatchObject({ requests: 50, refused: 0, errors: 0 });
    expect(paths).toHaveLength(50);
    expect(new Set(paths).size).toBe(10);
  });

  it('keeps its pace when answers come late, and counts how long requests were due', async () => {
    let stalled = false;

    const result = await load(
      (_request, response) => {
        if (stalled) return void response.end();
        stalled = true;
        const end = performance.now() + STALL_MS;
        while (performance.now() < end); // As an event loop that is at work on something else.
        response.end();
      },
      { rate: 100 },
    );

    // One request met the stall; those that were due meanwhile waited as well.
    expect(result.max).toBeGreaterThan(STALL_MS * 0.9);
    expect(result.p99).toBeGreaterThan(STALL_MS / 2);
    expect(result.requests).toBe(50);
  });

  it('tells refused requests from answered ones', async () => {
    const result = await load((_request, response) => response.writeHead(503, { 'content-length': 0 }).end());

    expect(result).toMatchObject({ requests: 50, refused: 50, errors: 0 });
  });

  it('counts what a server does not answer', async () => {
    const result = await load((request) => request.socket.destroy());

    expect(result.errors).toBeGreaterThan(0);
  });

  it('asks for something aside without counting it', async () => {
    const asked: unknown[] = [];

    const result = await load(
      (request, response) => {
        if (request.url === '/aside') asked.push(request.headers.accept);
        response.end();
      },
      { rate: 100, aside: { path: '/aside', accept: 'text/plain', everyMs: 50 } },
    );

    expect(result.requests).toBe(50);
    expect(asked.length).toBeGreaterThan(2);
    expect(new Set(asked)).toEqual(new Set(['text/plain']));
  });
});
