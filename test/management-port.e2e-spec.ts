import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from './support/app.js';
import { FaultyModule } from './support/faulty.module.js';
import { exchange, header, RawConnection } from './support/raw-http.js';

const PLATFORM = ['/livez', '/readyz', '/metrics', '/admin/flags', '/admin/openapi.json', '/faulty/quiet'];
const PUBLIC = ['/', '/faulty/things/1'];

describe('MANAGEMENT_PORT', () => {
  describe('set', () => {
    let service: TestApp;
    let platform: string;

    beforeAll(async () => {
      service = await startTestApp(
        {
          MANAGEMENT_PORT: '0',
          ADMIN_FLAGS_ENABLED: 'true',
          ENABLE_METRICS: 'true',
          HTTP_BODY_LIMIT_BYTES: '1000',
          HTTP_HEADERS_TIMEOUT_MS: '500',
        },
        [FaultyModule],
      );
      platform = service.managementUrl!;
    });

    afterAll(async () => {
      await service.close();
    });

    it.each(PLATFORM)('serves %s there, and knows nothing of it on PORT', async (path) => {
      const there = await fetch(platform + path);
      const here = await fetch(service.url + path);
      const unknown = await fetch(`${service.url}/nowhere`);

      expect(there.status).toBe(200);
      expect(here.status).toBe(404);
      const anonymous = { request_id: expect.any(String) };
      expect(await here.json()).toEqual({ ...((await unknown.json()) as object), ...anonymous });
      expect([...here.headers.keys()]).toEqual([...unknown.headers.keys()]);
    });

    it.each(PUBLIC)('serves %s on PORT, and knows nothing of it there', async (path) => {
      const here = await fetch(service.url + path);
      const there = await fetch(platform + path);

      expect(here.status).toBe(200);
      expect(there.status).toBe(404);
    });

    it('tells the methods of a path only where the path is served', async () => {
      const leaks = await Promise.all([
        fetch(`${service.url}/livez`, { method: 'DELETE' }),
        fetch(`${service.url}/admin/flags/reset`, { method: 'OPTIONS' }),
        fetch(platform, { method: 'DELETE' }),
      ]);
      const tells = await Promise.all([
        fetch(`${platform}/livez`, { method: 'DELETE' }),
        fetch(service.url, { method: 'DELETE' }),
      ]);

      for (const response of leaks) {
        expect(response.status).toBe(404);
        expect(response.headers.has('allow')).toBe(false);
      }
      for (const response of tells) {
        expect(response.status).toBe(405);
        expect(response.headers.get('allow')).toBe('GET, HEAD');
      }
    });

    it('does not parse a body for a route of the other listener', async () => {
      const response = await fetch(`${service.url}/admin/flags`, {
        method: 'POST',
        body: '{"tracing":true}',
        headers: { 'content-type': 'application/json' },
      });
      const flags = (await (await fetch(`${platform}/admin/flags`)).json()) as { overrides: object };

      expect(response.status).toBe(404);
      expect(flags.overrides).toEqual({});
    });

    it('cannot be talked around by a Host or an absolute target', async () => {
      const port = new URL(platform).port;
      const answers = await Promise.all(
        [
          `GET /livez HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
          `GET http://127.0.0.1:${port}/livez HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
        ].map((bytes) => exchange(service.url, bytes)),
      );

      expect(answers.map(({ status }) => status)).toEqual([404, 404]);
    });

    it('logs a refused platform path on PORT as unmatched', async () => {
      const response = await fetch(`${service.url}/livez`, { headers: { 'x-request-id': 'probe-outside' } });

      expect(response.status).toBe(404);
      const line = await service.log.waitFor((each) => each['request_id'] === 'probe-outside');
      expect(line).toMatchObject({ route: 'unmatched', status: 404 });
    });

    it('has the same limits there', async () => {
      const tooLarge = await fetch(`${platform}/admin/flags`, {
        method: 'POST',
        body: JSON.stringify({ tracing: 'x'.repeat(1_000) }),
        headers: { 'content-type': 'application/json' },
      });
      const tooLong = await exchange(platform, `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}\r\n\r\n`);

      expect(tooLarge.status).toBe(413);
      expect(tooLong.status).toBe(431);
    });

    it.each([
      ['garbage', 'GARBAGE\r\n\r\n', 400],
      ['half a head, for too long', 'GET /livez HTTP/1.1\r\nHost: x\r\n', 408],
    ])('answers %s there as on PORT', async (_name, bytes, status) => {
      for (const url of [platform, service.url]) {
        await using connection = await RawConnection.open(url);

        connection.send(bytes);

        const [answer] = await connection.close();
        expect(answer?.status).toBe(status);
        expect(header(answer!, 'content-type')).toBe('application/problem+json');
      }
    });
  });

  it('unset: everything is served on PORT', async () => {
    const service = await startTestApp({ ADMIN_FLAGS_ENABLED: 'true', ENABLE_METRICS: 'true' }, [FaultyModule]);

    const statuses = await Promise.all(
      [...PLATFORM, ...PUBLIC].map(async (path) => (await fetch(service.url + path)).status),
    );

    expect(new Set(statuses)).toEqual(new Set([200]));
    await service.close();
  });

  it('closes last: probes are answered as long as a request is in flight', async () => {
    const service = await startTestApp({ MANAGEMENT_PORT: '0' }, [FaultyModule]);
    const reached = service.log.waitFor(({ msg }) => msg === 'handler reached');
    const inFlight = fetch(`${service.url}/faulty/slow?ms=300`);
    await reached;

    const closing = service.close();
    const probe = await fetch(`${service.managementUrl}/livez`);
    const finished = service.lines().some(({ msg }) => msg === 'handler finished');
    const answer = await inFlight;
    await closing;

    expect(probe.status).toBe(200);
    expect(finished).toBe(false);
    expect(await answer.text()).toBe('slow');
    await expect(fetch(`${service.managementUrl}/livez`)).rejects.toThrow('fetch failed');
  });

  it.each(['PORT', 'MANAGEMENT_PORT'])('%s taken by another process: names the port and the reason', async (key) => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };

    await expect(startTestApp({ MANAGEMENT_PORT: '0', [key]: String(port) })).rejects.toThrow(
      `cannot listen on port ${port} of 127.0.0.1: another process listens there`,
    );
    other.close();
  });
});
