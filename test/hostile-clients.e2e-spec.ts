import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from './support/app.js';
import { FaultyModule } from './support/faulty.module.js';
import { header, type RawAnswer, RawConnection } from './support/raw-http.js';

const REFUSED = 'request refused before it could be read; connection closed';
const POST = 'POST /faulty/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n';
/** What a smuggler wants to be read as a second request. */
const SMUGGLED = 'GET /faulty/things/smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

/** Asserts that an answer has all that every error has. */
function expectProblem(answer: RawAnswer | undefined, status: number): void {
  expect(answer?.status).toBe(status);
  expect(JSON.parse(answer!.body)).toMatchObject({ status, request_id: header(answer!, 'x-request-id') });
  expect(header(answer!, 'content-type')).toMatch(/^application\/problem\+json\b/);
  expect(header(answer!, 'x-content-type-options')).toBe('nosniff');
  expect(answer!.headers.has('server')).toBe(false);
}

describe('hostile clients', () => {
  let service: TestApp;
  let bystander: RawConnection;
  /** Settles once the service has read what was sent before. */
  const served = (): Promise<Response> => fetch(service.url);
  const abortedLineOf = (route: string) =>
    service.log.waitFor((line) => line.msg === 'request' && line['route'] === route && line['status'] === 499);
  const countOf = (route: string): number =>
    service.lines().filter((line) => line.msg === 'request' && line['route'] === route).length;

  beforeAll(async () => {
    service = await startTestApp({ HTTP_HEADERS_TIMEOUT_MS: '500', HTTP_REQUEST_TIMEOUT_MS: '1000' }, [FaultyModule]);
  });

  beforeEach(async () => {
    bystander = await RawConnection.open(service.url);
    bystander.send(`${GET}\r\n`);
    await bystander.answer();
  });

  /** Whatever a client did, another one's connection still serves. */
  afterEach(async () => {
    bystander.send(`${GET}\r\n`);
    const answers = await bystander.answers(2);
    await bystander[Symbol.asyncDispose]();
    expect(answers[1]).toMatchObject({ status: 200, body: 'hello world' });
    expect(service.lines().filter(({ level }) => level === 'error' || level === 'fatal')).toEqual([]);
  });

  afterAll(async () => {
    await service.close();
  });

  describe('bytes that are no request', () => {
    it.each([
      ['noise', '\x16\x03\x01\x02\x00\x01\x00\r\n\r\n'],
      ['a lower-case method', 'get / HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['an invented method', 'STEAL / HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['an HTTP version that is none', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n'],
      ['HTTP/2 without being asked', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
      ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['NUL in the target', 'GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n'],
      ['a header without a colon', `${GET}nonsense\r\n\r\n`],
      ['a space before a colon', `${GET}Content-Length : 5\r\n\r\nhello`],
      ['a header without a name', `${GET}: value\r\n\r\n`],
      ['NUL in a header', `${GET}A: b\0c\r\n\r\n`],
      ['a folded header', `${GET}A: b\r\n c\r\n\r\n`],
      ['a bare LF in a header', `${GET}A: b\nTransfer-Encoding: chunked\r\n\r\n`],
      ['a bare CR in a header', `${GET}A: b\rTransfer-Encoding: chunked\r\n\r\n`],
      ['CONNECT', 'CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere:443\r\n\r\n'],
    ])('%s: 400, closed, one line', async (_name, bytes) => {
      const before = service.lines().length;
      await using connection = await RawConnection.open(service.url);

      connection.send(bytes);

      const answers = await connection.close();
      expect(answers).toHaveLength(1);
      expectProblem(answers[0], 400);
      expect(header(answers[0]!, 'connection')).toBe('close');
      const lines = service.lines().slice(before);
      expect(lines).toEqual([expect.objectContaining({ level: 'info', msg: REFUSED, status: 400 })]);
      expect(lines[0]).toMatchObject({
        code: expect.any(String),
        remote_address: '127.0.0.1',
        request_id: header(answers[0]!, 'x-request-id'),
      });
    });

    it.each(['GET /\r\n\r\n', 'GET /\r\nHost: x\r\n\r\n'])('HTTP/0.9: 400, closed (%j)', async (bytes) => {
      await using connection = await RawConnection.open(service.url);

      connection.send(bytes);

      const answers = await connection.close();
      expect(answers).toHaveLength(1);
      expectProblem(answers[0], 400);
    });

    it.each([
      ['one header', `${GET}A: ${'a'.repeat(70_000)}\r\n\r\n`],
      [
        'a thousand headers',
        `${GET}${Array.from({ length: 1_000 }, (_, i) => `A-${i}: ${'a'.repeat(60)}\r\n`).join('')}\r\n`,
      ],
      ['a path', `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    ])('70 kB in %s: 431, closed', async (_name, bytes) => {
      await using connection = await RawConnection.open(service.url);

      connection.send(bytes);

      const answers = await connection.close();
      expect(answers).toHaveLength(1);
      expectProblem(answers[0], 431);
    });
  });

  describe('a Host that is not one', () => {
    it.each([
      ['missing', ''],
      ['missing, of a silent route', ''],
      ['given twice', 'Host: x\r\nHost: y\r\n'],
      ['given twice alike', 'Host: x\r\nhost: x\r\n'],
      ['a list', 'Host: x, y\r\n'],
      ['a path', 'Host: x/y\r\n'],
      ['markup', 'Host: <b>\r\n'],
      ['with a user', 'Host: a@b\r\n'],
    ])('%s: 400', async (name, headers) => {
      await using connection = await RawConnection.open(service.url);

      connection.send(`GET ${name.includes('silent') ? '/livez' : '/'} HTTP/1.1\r\n${headers}\r\n`);

      expectProblem(await connection.answer(), 400);
    });

    it.each(['x', 'x:8080', 'hello.example.com', '127.0.0.1:80', '[::1]:80', ''])('"%s" is one', async (host) => {
      await using connection = await RawConnection.open(service.url);

      connection.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`);

      expect(await connection.answer()).toMatchObject({ status: 200 });
    });
  });

  describe('smuggling', () => {
    it.each([
      ['a length and chunks', `${POST}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
      ['chunks and a length', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
      ['two lengths', `${POST}Content-Length: 2\r\nContent-Length: 99\r\n\r\n{}`],
      ['two equal lengths', `${POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`],
      ['a list of lengths', `${POST}Content-Length: 2, 2\r\n\r\n{}`],
      ['a signed length', `${POST}Content-Length: +2\r\n\r\n{}`],
      ['a negative length', `${POST}Content-Length: -2\r\n\r\n{}`],
      ['a hexadecimal length', `${POST}Content-Length: 0x2\r\n\r\n{}`],
      ['an endless length', `${POST}Content-Length: 99999999999999999999999\r\n\r\n{}`],
      ['chunked in disguise', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
      ['chunked before the end', `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
      ['chunked after a tab', `${POST}Transfer-Encoding:\tchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
      ['chunked behind a vertical tab', `${POST}Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n`],
      ['a space before the colon', `${POST}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n`],
      ['a length in chunks that is none', `${POST}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`],
      ['a signed length in chunks', `${POST}Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n`],
      ['chunks that are longer than they say', `${POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{"a":1}\r\n0\r\n\r\n`],
      ['chunks ended by bare LF', `${POST}Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n`],
      ['an endless chunk', `${POST}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}`],
    ])('by %s: one 4xx answer, closed, nothing behind it is served', async (_name, bytes) => {
      const before = service.lines().length;
      await using connection = await RawConnection.open(service.url);

      connection.send(bytes + SMUGGLED);

      const answers = await connection.close();
      expect(answers).toHaveLength(1);
      expectProblem(answers[0], 400);
      expect(service.lines().slice(before)).toHaveLength(1);
    });

    it('by a body that a GET does not have is not possible: it belongs to the GET', async () => {
      await using connection = await RawConnection.open(service.url);

      connection.send(`${GET}Content-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}${GET}\r\n`);

      const answers = await connection.answers(2);
      expect(answers.map(({ body }) => body)).toEqual(['hello world', 'hello world']);
    });

    it('chunk extensions without end: 413, closed', async () => {
      await using connection = await RawConnection.open(service.url);

      connection.send(`${POST}Transfer-Encoding: chunked\r\n\r\n2;${'a'.repeat(20_000)}\r\n{}\r\n0\r\n\r\n`);

      const answers = await connection.close();
      expectProblem(answers[0], 413);
    });
  });

  it('a good request is answered before the garbage behind it, which is answered too', async () => {
    const before = service.lines().length;
    await using connection = await RawConnection.open(service.url);

    connection.send('GET /faulty/slow?ms=100 HTTP/1.1\r\nHost: x\r\n\r\nGARBAGE\r\n\r\n');
    await served();
    connection.send('MORE GARBAGE\r\n\r\n');

    const answers = await connection.close();
    expect(answers).toHaveLength(2);
    expect(answers[0]).toMatchObject({ status: 200, body: 'slow' });
    expectProblem(answers[1], 400);
    const lines = service.lines().slice(before);
    expect(lines.filter(({ msg }) => msg === REFUSED)).toHaveLength(1);
    expect(lines.filter((line) => line['route'] === '/faulty/slow')).toEqual([
      expect.objectContaining({ status: 200 }),
    ]);
  });

  it('garbage in small pieces is answered and logged once', async () => {
    const before = service.lines().length;
    await using connection = await RawConnection.open(service.url);

    for (const piece of ['GET / HTTP/1.1\r\n', 'no colon\r\n', 'more\r\n', 'and more\r\n\r\n']) {
      connection.send(piece);
      await served();
    }

    expect(await connection.close()).toHaveLength(1);
    const refusals = service
      .lines()
      .slice(before)
      .filter(({ msg }) => msg === REFUSED);
    expect(refusals).toHaveLength(1);
  });

  describe('a client that goes away', () => {
    it.each([
      ['before its answer is written', '/faulty/stuck', '/faulty/stuck'],
      ['while it is written', '/faulty/half-written', '/faulty/half-written'],
    ])('%s is logged once, as 499', async (_name, path, route) => {
      await using connection = await RawConnection.open(service.url);
      const reached = service.log.waitFor(({ msg }) => msg === 'handler reached');

      connection.send(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      await reached;
      connection.abort();

      expect(await abortedLineOf(route)).toMatchObject({ level: 'info', duration_ms: expect.any(Number) });
      expect(countOf(route)).toBe(1);
      service.lines().length = 0;
    });

    it('while its handler works is logged once, though the handler finishes', async () => {
      await using connection = await RawConnection.open(service.url);
      const reached = service.log.waitFor(({ msg }) => msg === 'handler reached');

      connection.send('GET /faulty/slow?ms=100 HTTP/1.1\r\nHost: x\r\n\r\n');
      await reached;
      connection.abort();
      await abortedLineOf('/faulty/slow');
      await service.log.waitFor(({ msg }) => msg === 'handler finished');

      expect(countOf('/faulty/slow')).toBe(1);
      service.lines().length = 0;
    });

    it('with requests of a pipeline unanswered: each is logged once', async () => {
      await using connection = await RawConnection.open(service.url);
      const reached = service.log.waitFor(({ msg }) => msg === 'handler reached');

      connection.send('GET /faulty/stuck HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
      await reached;
      await bystander.answer();
      connection.abort();
      await abortedLineOf('/faulty/stuck');

      expect(countOf('/faulty/stuck')).toBe(3);
    });

    it.each([
      ['of known length', `${POST}Content-Length: 100\r\n\r\n{"a":`],
      ['in chunks', `${POST}Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":\r\n`],
    ])('half-way through a body %s is logged as 499, and as no error of ours', async (_name, bytes) => {
      service.lines().length = 0;
      await using connection = await RawConnection.open(service.url);

      connection.send(bytes);
      await served();
      connection.abort();

      await abortedLineOf('/faulty/echo');
      expect(countOf('/faulty/echo')).toBe(1);
    });
  });

  describe('a client that stalls', () => {
    it('in the head of a request, 300 times over: 408, closed, while others are served', async () => {
      service.lines().length = 0;
      const stalled = await Promise.all(
        Array.from({ length: 300 }, async () => {
          const connection = await RawConnection.open(service.url);
          connection.send('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ');
          return connection;
        }),
      );

      const meanwhile = await fetch(service.url);
      const answers = await Promise.all(stalled.map((connection) => connection.close()));

      expect(meanwhile.status).toBe(200);
      for (const [answer] of answers) expectProblem(answer, 408);
      expect(service.lines().filter(({ msg }) => msg === REFUSED)).toHaveLength(300);
    });

    it('in the body: 408 with the id of the request, closed, one line', async () => {
      service.lines().length = 0;
      await using connection = await RawConnection.open(service.url);

      connection.send(`${POST}X-Request-Id: slowloris\r\nContent-Length: 100\r\n\r\n{"a":`);

      const answers = await connection.close();
      expect(answers).toHaveLength(1);
      expectProblem(answers[0], 408);
      expect(header(answers[0]!, 'x-request-id')).toBe('slowloris');
      expect(service.lines()).toEqual([
        expect.objectContaining({ msg: 'request', status: 408, route: '/faulty/echo', request_id: 'slowloris' }),
      ]);
    });

    it('by sending a body byte by byte: 408 at the request timeout', async () => {
      await using connection = await RawConnection.open(service.url);

      connection.send(`${POST}Content-Length: 1000\r\n\r\n`);
      const drip = setInterval(() => connection.send('x'), 50);
      const answers = await connection.close();
      clearInterval(drip);

      expectProblem(answers[0], 408);
    });

    it('without ever sending a byte is disconnected without an answer or a line', async () => {
      service.lines().length = 0;
      await using connection = await RawConnection.open(service.url);

      expect(await connection.close()).toEqual([]);
      expect(service.lines()).toEqual([]);
    });
  });
});

describe('an idle connection', () => {
  it('is closed at the keep-alive timeout, without a word', async () => {
    const service = await startTestApp({ HTTP_KEEP_ALIVE_TIMEOUT_MS: '1000' });
    await using connection = await RawConnection.open(service.url);
    connection.send(`${GET}\r\n`);
    const answer = await connection.answer();
    const since = performance.now();

    const answers = await connection.close();

    expect(header(answer, 'keep-alive')).toBe('timeout=1');
    expect(answers).toHaveLength(1);
    expect(performance.now() - since).toBeGreaterThan(900);
    await service.close();
  });
});
