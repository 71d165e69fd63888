import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from './support/app.js';
import { FaultyModule } from './support/faulty.module.js';
import type { LogLine } from './support/memory-log.js';
import { exchange } from './support/raw-http.js';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

/** The lines of one request, once its access line is there. */
async function linesOf(service: TestApp, requestId: string): Promise<LogLine[]> {
  await service.log.waitFor((line) => line.msg === 'request' && line['request_id'] === requestId);
  return service.lines().filter((line) => line['request_id'] === requestId);
}

describe('log', () => {
  let service: TestApp;
  let requests = 0;
  /** Makes a request with an id of its own. */
  const request = async (path: string, headers: Record<string, string> = {}): Promise<LogLine[]> => {
    const id = `log-${++requests}`;
    await fetch(service.url + path, { headers: { ...headers, 'x-request-id': id } });
    return linesOf(service, id);
  };

  beforeAll(async () => {
    service = await startTestApp({ ENVIRONMENT: 'non-prod' }, [FaultyModule]);
  });

  afterAll(async () => {
    await service.close();
  });

  describe('access line', () => {
    it('has these fields and no other', async () => {
      const lines = await request('/faulty/things/4711?a=1', { 'user-agent': 'curl/8' });

      expect(lines).toEqual([
        {
          level: 'info',
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
          service: 'hello-world',
          version: expect.stringMatching(/^\d+\.\d+\.\d+/),
          environment: 'non-prod',
          request_id: expect.any(String),
          method: 'GET',
          route: '/faulty/things/:id',
          status: 200,
          duration_ms: expect.any(Number),
          remote_address: '127.0.0.1',
          user_agent: 'curl/8',
          msg: 'request',
        },
      ]);
    });

    it('carries the trace id of a caller even without a span of our own', async () => {
      const [line] = await request('/', { traceparent: TRACEPARENT });

      expect(line).toMatchObject({ trace_id: TRACE_ID });
      expect(line).not.toHaveProperty('span_id');
    });

    it('leaves out a probe, and nothing else', async () => {
      const before = service.lines().length;

      await fetch(`${service.url}/livez`);
      await fetch(`${service.url}/readyz`);
      await fetch(`${service.url}/faulty/quiet`);
      await request('/nowhere');

      expect(service.lines().slice(before)).toHaveLength(1);
    });

    it('of a wrong method on a silent path is there', async () => {
      await fetch(`${service.url}/livez`, { method: 'DELETE', headers: { 'x-request-id': 'delete-livez' } });

      expect(await linesOf(service, 'delete-livez')).toMatchObject([{ status: 405, route: 'unmatched' }]);
    });

    it.each([
      ['quotes', '"}{"level":"fatal"'],
      ['backslashes', '\\u0000\\n\\'],
      ['bytes beyond ASCII', '\xff\xfe\xe4\x80'],
      ['a terminal escape in text', '[31mred'],
    ])('stays one line of JSON when the user agent has %s', async (_name, userAgent) => {
      const id = `agent-${++requests}`;

      await exchange(
        service.url,
        `GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: ${id}\r\nUser-Agent: ${userAgent}\r\n\r\n`,
      );

      expect(await linesOf(service, id)).toMatchObject([{ user_agent: userAgent, level: 'info' }]);
    });

    it('cuts a user agent of 10 kB', async () => {
      const [line] = await request('/', { 'user-agent': 'a'.repeat(10_000) });

      expect(line).toMatchObject({ user_agent: 'a'.repeat(256) });
    });
  });

  describe('secrets', () => {
    it('of a request are nowhere in the log, whatever becomes of it', async () => {
      const headers = {
        authorization: 'Bearer s3cret-token',
        cookie: 'session=s3cret-cookie',
        'proxy-authorization': 'Basic s3cret-proxy',
      };

      for (const path of ['/', '/nowhere', '/%zz', '/faulty/error', '/admin/flags', '/faulty/talkative'])
        await request(`${path}?token=s3cret-query`, headers);

      expect(JSON.stringify(service.lines())).not.toContain('s3cret');
    });

    it('that the application logs are masked by their keys, two levels deep', async () => {
      const lines = await request('/faulty/talkative');

      expect(lines[0]).toMatchObject({
        msg: 'what came',
        nested: { password: '[redacted]', deep: { token: '[redacted]' } },
      });
    });
  });

  describe('a line of the application', () => {
    it('inside a request carries its ids', async () => {
      const [line] = await request('/faulty/slow?ms=1', { traceparent: TRACEPARENT });

      expect(line).toMatchObject({ msg: 'handler reached', context: 'Faulty', trace_id: TRACE_ID });
    });

    it('of requests at the same time carries the ids of its own', async () => {
      const all = await Promise.all(Array.from({ length: 20 }, (_, index) => request(`/faulty/slow?ms=${20 - index}`)));

      for (const lines of all)
        expect(lines.map(({ msg }) => msg)).toEqual(['handler reached', 'handler finished', 'request']);
    });

    it('that a request caused carries its ids even after the answer', async () => {
      const [access] = await request('/faulty/log-later');

      const line = await service.log.waitFor(({ msg }) => msg === 'later, still of this request');

      expect(line).toMatchObject({ request_id: access!['request_id'] });
    });

    it('outside of a request carries none', async () => {
      const line = await service.log.waitFor(({ msg }) => msg === 'listening');

      expect(line).not.toHaveProperty('request_id');
      expect(line).toMatchObject({ service: 'hello-world', environment: 'non-prod', level: 'info' });
    });
  });
});

describe('log with a span of our own', () => {
  it('carries the ids of the trace and the span on every line of the request', async () => {
    const service = await startTestApp({ ENABLE_TRACING: 'true' }, [FaultyModule]);

    await fetch(`${service.url}/faulty/slow?ms=1`, {
      headers: { traceparent: TRACEPARENT, 'x-request-id': 'spanned' },
    });

    const lines = await linesOf(service, 'spanned');
    expect(lines).toHaveLength(3);
    for (const line of lines)
      expect(line).toMatchObject({ trace_id: TRACE_ID, span_id: expect.stringMatching(/^[0-9a-f]{16}$/) });
    expect(new Set(lines.map((line) => line['span_id'])).size).toBe(1);
    await service.close();
  });
});

describe('LOG_LEVEL', () => {
  it.each([
    ['warn', ['error']],
    ['error', ['error']],
    ['fatal', []],
    ['silent', []],
  ])('%s leaves %j of a request that fails', async (level, expected) => {
    const service = await startTestApp({ LOG_LEVEL: level }, [FaultyModule]);

    await fetch(`${service.url}/faulty/error`);
    await service.close();

    expect(service.lines().map((line) => line.level)).toEqual(expected);
  });

  it('debug tells how the application is wired', async () => {
    const service = await startTestApp({ LOG_LEVEL: 'debug' });

    expect(service.lines()).toContainEqual(expect.objectContaining({ level: 'debug', context: 'RoutesResolver' }));
    await service.close();
  });
});

describe('TRUST_PROXY', () => {
  it.each([
    ['false', '203.0.113.9', '127.0.0.1'],
    ['true', '203.0.113.9, 198.51.100.2', '203.0.113.9'],
    ['true', undefined, '127.0.0.1'],
    ['0', '203.0.113.9', '127.0.0.1'],
    ['1', '203.0.113.9, 198.51.100.2', '198.51.100.2'],
    ['2', '203.0.113.9, 198.51.100.2', '203.0.113.9'],
    ['9', '203.0.113.9, 198.51.100.2', '203.0.113.9'],
    ['127.0.0.0/8', '203.0.113.9, 198.51.100.2', '198.51.100.2'],
    ['127.0.0.1,198.51.100.0/24', '203.0.113.9, 198.51.100.2', '203.0.113.9'],
    ['10.0.0.0/8', '203.0.113.9', '127.0.0.1'],
    ['::1/128', '203.0.113.9', '127.0.0.1'],
    ['1', '2001:db8::7', '2001:db8::7'],
    ['true', 'not an address', '127.0.0.1'],
    ['true', '"><script>', '127.0.0.1'],
    ['true', '203.0.113.9:4711', '127.0.0.1'],
  ])('%s, with X-Forwarded-For: %s, logs %s', async (trusted, forwardedFor, address) => {
    const service = await startTestApp({ TRUST_PROXY: trusted });

    await fetch(service.url, {
      headers: { 'x-request-id': 'proxied', ...(forwardedFor ? { 'x-forwarded-for': forwardedFor } : {}) },
    });

    expect(await linesOf(service, 'proxied')).toMatchObject([{ remote_address: address }]);
    await service.close();
  });
});
