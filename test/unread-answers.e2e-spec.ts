import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from './support/app.js';
import { FaultyModule } from './support/faulty.module.js';
import { endProcesses } from './support/process.js';
import { header, RawConnection } from './support/raw-http.js';
import {
  buildFaultyMain,
  type FaultyMain,
  type ServiceProcess,
  startServiceProcess,
} from './support/service-process.js';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;
/** More than the systems on both ends hold. */
const LARGE = '/faulty/large?bytes=16000000';
/** A request may take a second to come, and an answer three seconds without a byte being read. */
const TIMEOUTS = { HTTP_HEADERS_TIMEOUT_MS: '1000', HTTP_REQUEST_TIMEOUT_MS: '1000' };

describe('a client that does not read its answers', () => {
  let service: TestApp;
  const lineOf = (route: string, status: number) =>
    service.log.waitFor((line) => line.msg === 'request' && line['route'] === route && line['status'] === status);

  beforeAll(async () => {
    service = await startTestApp(TIMEOUTS, [FaultyModule]);
  });

  afterEach(() => {
    service.lines().length = 0;
  });

  afterAll(async () => {
    await service.close();
  });

  it('and pipelines without end is answered a hundred times, once with 429, and closed', async () => {
    await using connection = await RawConnection.open(service.url);

    connection.send(get('/').repeat(2_000));

    const answers = await connection.close();
    const [last] = answers.splice(100);
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200));
    expect(last).toMatchObject({ status: 429, body: expect.stringContaining('unanswered') });
    expect(header(last!, 'connection')).toBe('close');
    expect(service.lines().filter((line) => line['status'] === 429)).toHaveLength(1);
  });

  it('and asks for more and more is closed, what it did not read is logged as 499', async () => {
    await using connection = await RawConnection.open(service.url);
    connection.stopReading();

    connection.send(get(LARGE).repeat(200));

    await lineOf('/faulty/large', 499);
    const lines = service.lines().filter(({ msg }) => msg === 'request');
    expect(lines.length).toBeLessThanOrEqual(101);
    expect((await fetch(service.url)).status).toBe(200);
  });

  it('is closed once no byte was read for a while', async () => {
    await using connection = await RawConnection.open(service.url);
    connection.stopReading();

    connection.send(get(LARGE));

    const line = await lineOf('/faulty/large', 499);
    expect(line['duration_ms']).toBeGreaterThan(2_500);
  });

  it('but slowly is served to the end', async () => {
    await using connection = await RawConnection.open(service.url);
    const reading = setInterval(() => connection.readSome(), 15);

    connection.stopReading();
    connection.send(get('/faulty/large?bytes=20000000'));

    const line = await lineOf('/faulty/large', 200);
    clearInterval(reading);
    // Longer than a client that reads nothing is borne with: otherwise this would show nothing.
    expect(line['duration_ms']).toBeGreaterThan(3_500);
  });

  it('because the handler takes longer than that is served', async () => {
    const response = await fetch(`${service.url}/faulty/slow?ms=3500`);

    expect(response.status).toBe(200);
  });
});

describe('a stop', () => {
  let faultyMain: FaultyMain;
  const start = (env: NodeJS.ProcessEnv = {}): ServiceProcess =>
    startServiceProcess({ ...TIMEOUTS, SHUTDOWN_TIMEOUT_MS: '4000', ...env }, [faultyMain.entry]);

  beforeAll(async () => {
    faultyMain = await buildFaultyMain();
  });

  afterEach(async () => {
    await endProcesses();
  });

  afterAll(async () => {
    await faultyMain.remove();
  });

  it.each([
    ['of many requests', get('/').repeat(20_000)],
    ['of one', get(LARGE)],
    ['and goes on with garbage', `${get(LARGE)}GARBAGE\r\n\r\n`],
  ])('with a client that does not read the answer %s ends with 0', async (_name, bytes) => {
    const service = start();
    const url = await service.url();
    await using connection = await RawConnection.open(url);
    connection.stopReading();
    connection.send(bytes);
    await fetch(url);

    service.kill('SIGTERM');

    expect(await service.exit).toEqual({ code: 0, signal: null });
  });

  it('with stalled clients on both listeners waits for them together, and ends with 0', async () => {
    const service = start({ MANAGEMENT_PORT: '0', HTTP_REQUEST_TIMEOUT_MS: '2500' });
    const url = await service.url();
    const { management_port: port } = await service.line('listening');
    const halfSent =
      'POST /faulty/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{';
    await using onPublic = await RawConnection.open(url);
    await using onManagement = await RawConnection.open(`http://127.0.0.1:${String(port)}`);
    for (const connection of [onPublic, onManagement]) connection.send(halfSent);
    await fetch(url);

    service.kill('SIGTERM');

    expect(await service.exit).toEqual({ code: 0, signal: null });
  });
});
