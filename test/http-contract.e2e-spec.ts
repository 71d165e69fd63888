import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from './support/app.js';
import { FaultyModule, SECRET_OF_THE_INSIDE } from './support/faulty.module.js';
import { exchange, header, type RawAnswer, RawConnection } from './support/raw-http.js';

const OWN_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const json = { 'content-type': 'application/json' };

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly request_id: string;
}

/** Asserts what is true of every error, and returns its body. */
async function problemOf(response: Response): Promise<Problem> {
  const problem = (await response.json()) as Problem;
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json\b/);
  expect(problem).toMatchObject({ type: 'about:blank', title: expect.any(String), status: response.status });
  expect(problem.request_id).toBe(response.headers.get('x-request-id'));
  return problem;
}

describe('HTTP contract', () => {
  let service: TestApp;
  const get = (path: string, init?: RequestInit): Promise<Response> => fetch(service.url + path, init);
  const raw = (bytes: string, method?: string): Promise<RawAnswer> => exchange(service.url, bytes, method);
  const lineOf = (requestId: string | null, msg = 'request') =>
    service.log.waitFor((line) => line['request_id'] === requestId && line.msg === msg);

  beforeAll(async () => {
    service = await startTestApp({ HTTP_BODY_LIMIT_BYTES: '1000', ADMIN_FLAGS_ENABLED: 'true' }, [FaultyModule]);
  });

  afterAll(async () => {
    await service.close();
  });

  describe('request id', () => {
    it.each(['a', 'abc-123_DEF.456', 'x'.repeat(128)])('%s from the caller is sane: kept and returned', async (id) => {
      const response = await get('/', { headers: { 'x-request-id': id } });

      expect(response.headers.get('x-request-id')).toBe(id);
      expect(await lineOf(id)).toMatchObject({ status: 200 });
    });

    it.each(['', 'with space', 'semi;colon', '{"a":1}', '../etc', 'ümlaut', 'x'.repeat(129)])(
      '"%s" from the caller is not sane: replaced by one of our own',
      async (id) => {
        const response = await get('/', { headers: { 'x-request-id': id } });

        expect(response.headers.get('x-request-id')).toMatch(OWN_ID);
      },
    );

    it('sent twice is replaced: which one a proxy took is unknown', async () => {
      const answer = await raw('GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: one\r\nX-Request-Id: two\r\n\r\n');

      expect(header(answer, 'x-request-id')).toMatch(OWN_ID);
    });

    it.each([
      ['GET', '/nowhere', undefined, 404],
      ['PUT', '/', undefined, 405],
      ['POST', '/faulty/echo', { body: '{', headers: json }, 400],
      ['POST', '/faulty/echo', { body: 'x', headers: { 'content-type': 'text/plain' } }, 415],
      ['POST', '/faulty/echo', { body: JSON.stringify('x'.repeat(1_000)), headers: json }, 413],
      ['GET', '/faulty/error', undefined, 500],
    ])('is returned and logged for an error too: %s %s', async (method, path, init, status) => {
      const response = await get(path, {
        method,
        ...init,
        headers: { ...init?.headers, 'x-request-id': `for-${status}` },
      });

      expect(response.status).toBe(status);
      expect((await problemOf(response)).request_id).toBe(`for-${status}`);
      expect(await lineOf(`for-${status}`)).toMatchObject({ status });
    });
  });

  describe('headers', () => {
    it.each(['/', '/livez', '/nowhere', '/%zz', '/faulty/error', '/faulty/error/text'])(
      'of %s forbid sniffing and do not name the server',
      async (path) => {
        const { headers } = await get(path);

        expect(headers.get('x-content-type-options')).toBe('nosniff');
        expect(headers.get('x-request-id')).toMatch(OWN_ID);
        expect(headers.has('server')).toBe(false);
        expect(headers.has('x-powered-by')).toBe(false);
      },
    );
  });

  describe('unknown path or method', () => {
    it('answers 404 without repeating the path', async () => {
      const response = await get('/no/<b>such</b>?token=1');

      expect(response.status).toBe(404);
      expect(await problemOf(response)).toEqual({
        type: 'about:blank',
        title: 'Not Found',
        status: 404,
        request_id: expect.stringMatching(OWN_ID),
      });
    });

    it.each([
      ['POST', '/', 'GET, HEAD'],
      ['DELETE', '/livez', 'GET, HEAD'],
      ['OPTIONS', '/', 'GET, HEAD'],
      ['PUT', '/faulty/things/7', 'GET, HEAD, POST'],
      ['PATCH', '/faulty/things/7?a=1', 'GET, HEAD, POST'],
      ['GET', '/admin/flags/reset', 'POST'],
    ])('%s %s answers 405 with Allow: %s', async (method, path, allow) => {
      const response = await get(path, { method });

      expect(response.status).toBe(405);
      expect(response.headers.get('allow')?.split(', ').sort().join(', ')).toBe(allow);
      expect((await problemOf(response)).title).toBe('Method Not Allowed');
    });

    it.each(['TRACE', 'PROPFIND', 'MKCALENDAR', 'QUERY'])(
      '%s, a method we never heard of, answers 405',
      async (method) => {
        const answer = await raw(`${method} / HTTP/1.1\r\nHost: x\r\n\r\n`);

        expect(answer.status).toBe(405);
        expect(header(answer, 'allow')).toBe('GET, HEAD');
        const line = await lineOf(header(answer, 'x-request-id') ?? null);
        expect(line).toMatchObject({ method: method === 'TRACE' ? 'TRACE' : 'OTHER', route: 'unmatched', status: 405 });
      },
    );

    it.each([
      ['/', 405],
      ['/nowhere', 404],
    ])('a body that nobody will read is not looked at: POST %s answers %i', async (path, status) => {
      const response = await get(path, { method: 'POST', body: '<a/>', headers: { 'content-type': 'text/xml' } });

      expect(response.status).toBe(status);
    });

    it('HEAD of a path that only takes POST answers 405 without a body', async () => {
      const answer = await raw('HEAD /admin/flags/reset HTTP/1.1\r\nHost: x\r\n\r\n', 'HEAD');

      expect(answer.status).toBe(405);
      expect(header(answer, 'allow')).toBe('POST');
    });

    it('logs the template of a route, never its path', async () => {
      const response = await get('/faulty/things/4711?q=1');

      expect(await lineOf(response.headers.get('x-request-id'))).toMatchObject({ route: '/faulty/things/:id' });
    });
  });

  describe('an error of the application', () => {
    it('tells the client nothing of the inside, and the log everything', async () => {
      const response = await get('/faulty/error');

      expect(response.status).toBe(500);
      expect(await problemOf(response)).toEqual({
        type: 'about:blank',
        title: 'Internal Server Error',
        status: 500,
        request_id: response.headers.get('x-request-id'),
      });
      const line = await lineOf(
        response.headers.get('x-request-id'),
        'request failed; the client was told nothing of it',
      );
      expect(line).toMatchObject({
        level: 'error',
        method: 'GET',
        route: '/faulty/error',
        status: 500,
        err: { type: 'Error', message: SECRET_OF_THE_INSIDE, stack: expect.stringMatching(/faulty\.module/) },
      });
    });

    it.each([
      ['text', 409, 'plain words'],
      ['object', 409, 'words in an object'],
      ['list', 422, 'one thing; another thing'],
      ['status', 418, 'I am a teapot'],
      ['default', 403, undefined],
      ['server', 502, undefined],
      ['undefined', 500, undefined],
      ['object-literal', 500, undefined],
    ])('thrown as %s answers %i with the detail %s', async (kind, status, detail) => {
      const response = await get(`/faulty/error/${kind}`);

      expect(response.status).toBe(status);
      const problem = await problemOf(response);
      expect(problem.detail).toBe(detail);
      expect(JSON.stringify(problem)).not.toContain(SECRET_OF_THE_INSIDE);
    });
  });

  describe('body', () => {
    const post = (body: string, headers: Record<string, string> = json): Promise<Response> =>
      get('/faulty/echo', { method: 'POST', body, headers });

    it('of good JSON reaches the handler', async () => {
      const response = await post('{"a":[1]}');

      expect(response.status).toBe(201);
      expect(await response.json()).toEqual({ a: [1] });
    });

    it.each(['{', '{"a":1', "{'a':1}", '[1,]', 'tru', '{"a":1}{"b":2}', '\u0000'])(
      '%j is no JSON: 400',
      async (body) => {
        const response = await post(body);

        expect(response.status).toBe(400);
        expect((await problemOf(response)).detail).toBeTruthy();
      },
    );

    it.each(['{"__proto__":{"admin":true}}', '{"a":{"constructor":{"prototype":{"admin":true}}}}'])(
      '%s would poison a prototype: 400',
      async (body) => {
        const response = await post(body);

        expect(response.status).toBe(400);
        await problemOf(response);
        expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
      },
    );

    it('within the limit is taken, beyond it refused with 413', async () => {
      const within = await post(JSON.stringify('x'.repeat(998)));
      const beyond = await post(JSON.stringify('x'.repeat(999)));

      expect(within.status).toBe(201);
      expect(beyond.status).toBe(413);
      await problemOf(beyond);
    });

    it('beyond the limit in chunks of unknown length is refused with 413 as well', async () => {
      const chunk = `200\r\n${'x'.repeat(512)}\r\n`;
      const answer = await raw(
        `POST /faulty/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(3)}0\r\n\r\n`,
      );

      expect(answer.status).toBe(413);
    });

    it('far beyond the limit is refused before it is sent, and the client hears of it', async () => {
      const response = await post('x'.repeat(5_000_000));

      expect(response.status).toBe(413);
    });

    it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense', 'multipart/form-data'])(
      'of type %s is refused with 415',
      async (type) => {
        const response = await post('a=1', { 'content-type': type });

        expect(response.status).toBe(415);
        await problemOf(response);
      },
    );
  });

  describe('target', () => {
    it.each([
      'http://elsewhere',
      'http://elsewhere/',
      'http://elsewhere/faulty/things/1',
      'https://user@elsewhere:1/?a=b',
    ])('%s in absolute form is served by its path (RFC 9112, section 3.2.2)', async (target) => {
      const answer = await raw(`GET ${target} HTTP/1.1\r\nHost: elsewhere\r\n\r\n`);

      expect(answer.status).toBe(200);
    });

    it('in absolute form with a wrong method is refused as in origin form', async () => {
      const answer = await raw('PUT http://elsewhere/ HTTP/1.1\r\nHost: elsewhere\r\n\r\n');

      expect(answer.status).toBe(405);
    });

    it.each([
      ['OPTIONS *', 404],
      ['GET *', 404],
      ['HEAD *', 404],
      ['PUT */a', 404],
      ['GET ftp://x/', 404],
      ['GET http:/x', 400],
      ['GET //', 404],
      ['GET /%00', 404],
      ['GET /..%2f..%2fetc/passwd', 404],
      ['GET /../../etc/passwd', 404],
      ['GET /livez/', 404],
      ['GET /LIVEZ', 404],
      ['GET /;/livez', 404],
      ['GET /%zz', 400],
      ['GET /%', 400],
      ['GET /faulty/things/%c0%af', 400],
      ['GET nowhere', 400],
    ])('%s answers %i', async (start, status) => {
      const answer = await raw(`${start} HTTP/1.1\r\nHost: x\r\n\r\n`, start.split(' ')[0]);

      expect(answer.status).toBe(status);
      expect(header(answer, 'content-type')).toMatch(/^application\/problem\+json/);
      expect(header(answer, 'x-request-id')).toMatch(OWN_ID);
      expect(answer.body).not.toContain('etc');
      expect(answer.body.length).toBeLessThan(300);
    });

    it.each([
      ['/', 8_000, 404],
      ['/faulty/things/', 8_000, 414],
      ['/', 20_000, 431],
    ])('%s and %i characters more answers %i', async (path, length, status) => {
      const answer = await raw(`GET ${path}${'a'.repeat(length)} HTTP/1.1\r\nHost: x\r\n\r\n`);

      expect(answer.status).toBe(status);
      expect(answer.body.length).toBeLessThan(300);
    });

    it('that cannot be read is logged like any other request', async () => {
      const response = await get('/%zz?secret=1', { headers: { 'x-request-id': 'unreadable' } });

      expect((await problemOf(response)).request_id).toBe('unreadable');
      expect(await lineOf('unreadable')).toMatchObject({ route: 'unmatched', status: 400, method: 'GET' });
    });
  });

  describe('connection', () => {
    it('serves pipelined requests in order', async () => {
      await using connection = await RawConnection.open(service.url);

      connection.send(
        ['/faulty/things/1', '/faulty/slow?ms=50', '/nowhere', '/faulty/things/2']
          .map((path) => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
          .join(''),
      );

      const answers = await connection.answers(4);
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 200]);
      expect(answers[3]?.body).toBe('2');
    });

    it('takes Expect: 100-continue', async () => {
      await using connection = await RawConnection.open(service.url);

      connection.send(
        'POST /faulty/echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n',
      );
      await connection.received('HTTP/1.1 100 Continue\r\n\r\n');
      connection.send('{}');

      expect(await connection.answer()).toMatchObject({ status: 201, body: '{}' });
    });

    it('refuses any other expectation with 417', async () => {
      const answer = await raw('GET / HTTP/1.1\r\nHost: x\r\nExpect: magic\r\nX-Request-Id: expects\r\n\r\n');

      expect(answer.status).toBe(417);
      expect(await lineOf('expects')).toMatchObject({ status: 417 });
    });

    it('answers a request to upgrade as if it had not asked (RFC 9110, section 7.8)', async () => {
      const answer = await raw(
        'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AA==\r\n\r\n',
      );

      expect(answer).toMatchObject({ status: 200, body: 'hello world' });
    });

    it('answers HTTP/1.0 without a Host, and closes', async () => {
      await using connection = await RawConnection.open(service.url);

      connection.send('GET / HTTP/1.0\r\n\r\n');

      expect(await connection.close()).toMatchObject([{ status: 200, body: 'hello world' }]);
    });
  });
});
