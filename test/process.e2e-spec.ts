import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../scripts/local/ports.ts';
import type { LogLine } from './support/memory-log.js';
import { Pipe } from './support/pipe.js';
import { answers, endProcesses, isListening, startProcess } from './support/process.js';
import { header, RawConnection } from './support/raw-http.js';
import { buildFaultyMain, type FaultyMain, MAIN, startServiceProcess } from './support/service-process.js';

const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const messages = (lines: LogLine[]): string[] => lines.map(({ msg }) => msg);

describe('process', () => {
  let faultyMain: FaultyMain;

  beforeAll(async () => {
    faultyMain = await buildFaultyMain();
  });

  afterEach(async () => {
    await endProcesses();
  });

  afterAll(async () => {
    await faultyMain.remove();
  });

  describe('start', () => {
    it('writes nothing but JSON lines to standard output, and nothing to standard error', async () => {
      const service = startServiceProcess();

      const url = await service.url();
      const response = await fetch(url);
      service.kill('SIGTERM');
      await service.exit;

      expect(await response.text()).toBe('hello world');
      expect(messages(service.lines())).toEqual(expect.arrayContaining(['listening', 'request', 'shutdown complete']));
      for (const line of service.lines())
        expect(line).toMatchObject({ service: 'hello-world', version: expect.any(String), environment: 'local' });
      expect(service.stderr()).toBe('');
    });

    it('names every bad key at once in one line, no value, and exits with 78', async () => {
      const service = startServiceProcess({
        PORT: 'p0rt-value',
        MANAGEMENT_PORT: '70000',
        LOG_LEVEL: 'l0g-value',
        ENABLE_METRICS: 'metr1cs-value',
        TRUST_PROXY: 'pr0xy-value',
        HTTP_BODY_LIMIT_BYTES: '-1',
        SHUTDOWN_TIMEOUT_MS: '1.5',
        DATABASE_URL: 'mysql://user:s3cret@host/value',
        ADMIN_TOKEN: 'not a t0ken-value',
      });

      const { code } = await service.exit;

      expect(code).toBe(78);
      expect(service.lines()).toEqual([
        {
          level: 'fatal',
          time: expect.stringMatching(/^\d{4}-.*Z$/),
          service: 'hello-world',
          version: expect.any(String),
          environment: 'local',
          msg: 'configuration is invalid',
          problems: expect.any(Array),
        },
      ]);
      const problems = service.lines()[0]!['problems'] as { key: string }[];
      expect(problems.map(({ key }) => key).sort()).toEqual([
        'ADMIN_TOKEN',
        'DATABASE_URL',
        'ENABLE_METRICS',
        'HTTP_BODY_LIMIT_BYTES',
        'LOG_LEVEL',
        'MANAGEMENT_PORT',
        'PORT',
        'SHUTDOWN_TIMEOUT_MS',
        'TRUST_PROXY',
      ]);
      expect(service.stdout()).not.toMatch(/-value|s3cret|70000/);
      expect(service.stderr()).toBe('');
    });

    it('with equal ports exits with 78', async () => {
      const service = startServiceProcess({ PORT: '18080', MANAGEMENT_PORT: '18080' });

      expect(await service.exit).toEqual({ code: 78, signal: null });
      expect(service.lines()).toMatchObject([{ problems: [{ key: 'MANAGEMENT_PORT' }] }]);
    });

    it('with a port taken says so in one fatal line and exits with 1', async () => {
      const other = createServer().listen(0, '127.0.0.1');
      await new Promise((resolve) => other.once('listening', resolve));
      const { port } = other.address() as { port: number };
      const service = startServiceProcess({ MANAGEMENT_PORT: '0', PORT: String(port) });

      const { code } = await service.exit;
      other.close();

      expect(code).toBe(1);
      const loud = service.lines().filter(({ level }) => level !== 'info');
      expect(loud).toEqual([
        expect.objectContaining({
          level: 'fatal',
          msg: `the service could not start: cannot listen on port ${port} of 127.0.0.1: another process listens there`,
        }),
      ]);
      expect(service.stderr()).toBe('');
    });

    it('that fails while the application is built is a fatal line of JSON, exit 1', async () => {
      const service = startServiceProcess({}, [faultyMain.entry, '--fail-to-start']);

      const { code } = await service.exit;

      expect(code).toBe(1);
      expect(service.lines().at(-1)).toMatchObject({
        level: 'fatal',
        msg: 'the service could not start: this cannot be built',
        err: { stack: expect.stringMatching(/faulty-main/) },
      });
      expect(service.stderr()).toBe('');
    });

    it('that is interrupted by a signal ends at once, cleanly', async () => {
      const service = startServiceProcess({}, [faultyMain.entry, '--never-start']);

      await service.line('start reached');
      service.kill('SIGTERM');

      expect(await service.exit).toEqual({ code: 0, signal: null });
      expect(messages(service.lines()).at(-1)).toBe('SIGTERM while starting: ending now');
    });

    it('--print-config shows what is in force, secrets masked, and ends', async () => {
      const service = startServiceProcess(
        { DATABASE_URL: 'postgres://user:s3cret@db/hello', ADMIN_TOKEN: 's3cret-token', LOG_LEVEL: 'warn' },
        [MAIN, '--print-config'],
      );

      expect(await service.exit).toEqual({ code: 0, signal: null });
      const shown = JSON.parse(service.stdout()) as Record<string, unknown>;
      expect(shown).toMatchObject({ LOG_LEVEL: 'warn', HTTP_BODY_LIMIT_BYTES: 16384, ADMIN_TOKEN: '********' });
      expect(service.stdout()).not.toContain('s3cret');
    });

    const oldNode = olderNode();
    (oldNode ? it : it.skip)(
      `under an older Node is one clear sentence${oldNode ? '' : ' (skipped: there is none on the PATH)'}`,
      async () => {
        const service = startProcess(oldNode!, [MAIN], { env: { PORT: '0' } });

        const { code } = await service.exit;

        expect(code).not.toBe(0);
        expect(service.stderr().trim().split('\n')).toEqual([
          expect.stringMatching(/^hello-world needs Node 26 or newer and this is v\d+/),
        ]);
        expect(service.stdout()).toBe('');
      },
    );
  });

  describe('shutdown', () => {
    it('of an idle service ends with 0, the log complete, the port free', async () => {
      const service = startServiceProcess();
      const url = await service.url();

      service.kill('SIGINT');

      expect(await service.exit).toEqual({ code: 0, signal: null });
      expect(messages(service.lines()).slice(-2)).toEqual([
        'SIGINT: draining for 0 ms, ending within 25000 ms',
        'shutdown complete',
      ]);
      expect(await isListening(Number(new URL(url).port))).toBe(false);
    });

    it('finishes a request in flight, and says Connection: close', async () => {
      const service = startServiceProcess({}, [faultyMain.entry]);
      await using connection = await RawConnection.open(await service.url());
      connection.send('GET /faulty/slow?ms=1500 HTTP/1.1\r\nHost: x\r\n\r\n');
      await service.line('handler reached');

      service.kill('SIGTERM');

      const [answer] = await connection.close();
      expect(answer).toMatchObject({ status: 200, body: 'slow' });
      expect(header(answer!, 'connection')).toBe('close');
      expect(await service.exit).toEqual({ code: 0, signal: null });
      expect(messages(service.lines()).slice(-2)).toEqual(['request', 'shutdown complete']);
    });

    it('serves on while it drains, not ready, alive, with Connection: close, on either port', async () => {
      const service = startServiceProcess({ SHUTDOWN_DRAIN_MS: '3000', MANAGEMENT_PORT: '0' });
      const url = await service.url();
      const platform = `http://127.0.0.1:${String((await service.line('listening'))['management_port'])}`;

      service.kill('SIGTERM');
      await service.line('SIGTERM: draining');
      const served = await fetch(url);
      const ready = await fetch(`${platform}/readyz`);
      const alive = await fetch(`${platform}/livez`);
      const unknown = await fetch(`${url}/nowhere`);

      expect(served.status).toBe(200);
      expect(ready.status).toBe(503);
      expect(alive.status).toBe(200);
      for (const response of [served, ready, alive, unknown]) expect(response.headers.get('connection')).toBe('close');
      expect(messages(service.lines())).not.toContain('shutdown complete');
      expect((await service.exit).code).toBe(0);
    });

    it('does not wait for idle connections', async () => {
      const service = startServiceProcess({ HTTP_KEEP_ALIVE_TIMEOUT_MS: '3600000' });
      const url = await service.url();
      await using used = await RawConnection.open(url);
      await using unused = await RawConnection.open(url);
      used.send(GET);
      await used.answer();

      service.kill('SIGTERM');

      expect(await service.exit).toEqual({ code: 0, signal: null });
      expect(await used.close()).toHaveLength(1);
      expect(await unused.close()).toHaveLength(0);
    });

    it('does not wait for a connection that becomes idle after its answer began before the signal', async () => {
      const service = startServiceProcess({ HTTP_KEEP_ALIVE_TIMEOUT_MS: '3600000' }, [faultyMain.entry]);
      await using connection = await RawConnection.open(await service.url());
      connection.send('GET /faulty/streamed?ms=400 HTTP/1.1\r\nHost: x\r\n\r\n');
      await service.line('handler reached');

      service.kill('SIGTERM');

      expect(await connection.close()).toMatchObject([{ status: 200, body: 'the whole' }]);
      expect(await service.exit).toEqual({ code: 0, signal: null });
    });

    it('gives a half-sent head and a half-sent body the request timeout, then answers 408', async () => {
      const service = startServiceProcess({
        ADMIN_FLAGS_ENABLED: 'true',
        HTTP_REQUEST_TIMEOUT_MS: '700',
        HTTP_HEADERS_TIMEOUT_MS: '700',
      });
      const url = await service.url();
      await using head = await RawConnection.open(url);
      await using body = await RawConnection.open(url);
      head.send('GET / HTTP/1.1\r\nHost: x\r\n');
      body.send(
        'POST /admin/flags HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"tr',
      );
      await fetch(url);

      service.kill('SIGTERM');

      expect(await head.close()).toMatchObject([{ status: 408 }]);
      expect(await body.close()).toMatchObject([{ status: 408 }]);
      expect(await service.exit).toEqual({ code: 0, signal: null });
    });

    it('serves the rest of a half-sent body that comes in time', async () => {
      const service = startServiceProcess({}, [faultyMain.entry]);
      const url = await service.url();
      await using connection = await RawConnection.open(url);
      connection.send(
        'POST /faulty/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a"',
      );
      await fetch(url);

      service.kill('SIGTERM');
      await service.line('SIGTERM: draining');
      connection.send(':1}');

      expect(await connection.close()).toMatchObject([{ status: 201, body: '{"a":1}' }]);
      expect(await service.exit).toEqual({ code: 0, signal: null });
    });

    it('ends at the deadline with 1 when a request is stuck, and says so', async () => {
      const service = startServiceProcess({ SHUTDOWN_TIMEOUT_MS: '600' }, [faultyMain.entry]);
      await using connection = await RawConnection.open(await service.url());
      connection.send('GET /faulty/stuck HTTP/1.1\r\nHost: x\r\n\r\n');
      await service.line('handler reached');

      service.kill('SIGTERM');

      expect(await service.exit).toEqual({ code: 1, signal: null });
      expect(service.lines().at(-1)).toMatchObject({
        level: 'error',
        msg: 'shutdown took longer than 600 ms: ending now, requests in flight are lost',
      });
    });

    it('ends now at a second signal', async () => {
      const service = startServiceProcess({}, [faultyMain.entry]);
      await using connection = await RawConnection.open(await service.url());
      connection.send('GET /faulty/stuck HTTP/1.1\r\nHost: x\r\n\r\n');
      await service.line('handler reached');

      service.kill('SIGTERM');
      await service.line('SIGTERM: draining');
      service.kill('SIGINT');

      expect(await service.exit).toEqual({ code: 130, signal: null });
      expect(messages(service.lines()).at(-1)).toBe('second signal (SIGINT): ending now, requests in flight are lost');
    });
  });

  describe('standard output', () => {
    it.each(['never read', 'closed by its reader'])(
      '%s harms no request and does not hold the exit',
      async (circumstance) => {
        using pipe = await Pipe.open();
        const port = await freePort();
        const service = startServiceProcess({ PORT: String(port), ENABLE_METRICS: 'true' }, [MAIN], pipe.writer);
        const url = `http://127.0.0.1:${port}`;
        await answers(url);

        if (circumstance === 'closed by its reader') pipe.closeReader();
        // More lines than the pipe holds.
        const statuses = await Promise.all(Array.from({ length: 600 }, async () => (await fetch(url)).status));
        const metrics = await (await fetch(`${url}/metrics`)).text();
        service.kill('SIGTERM');

        expect(await service.exit).toEqual({ code: 0, signal: null });
        expect(new Set(statuses)).toEqual(new Set([200]));
        const dropped = Number(/^log_lines_dropped_total (\d+)$/m.exec(metrics)?.[1]);
        if (circumstance === 'closed by its reader') expect(dropped).toBeGreaterThan(400);
        else expect(dropped).toBe(0);
      },
    );
  });

  describe('crash', () => {
    it.each([
      ['an error that nobody catches', 'crash', 'nobody catches this'],
      ['a promise that nobody awaits', 'rejection', 'nobody awaits this'],
    ])('by %s is one fatal line with its stack, nothing before it is lost, exit 1', async (_name, path, message) => {
      const service = startServiceProcess({}, [faultyMain.entry]);

      await fetch(`${await service.url()}/faulty/${path}`).catch(() => undefined);

      expect(await service.exit).toEqual({ code: 1, signal: null });
      const fatal = service.lines().filter(({ level }) => level === 'fatal');
      expect(fatal).toHaveLength(1);
      expect(fatal[0]).toMatchObject({
        msg: 'nobody caught this error: ending now',
        err: { message, stack: expect.stringMatching(/faulty\.module/) },
      });
      expect(messages(service.lines())).toContain('last line before the crash');
      expect(service.stderr()).toBe('');
    });
  });
});

/** A Node on the PATH that is too old for the service. */
function olderNode(): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    try {
      const version = execFileSync(`${folder}/node`, ['--version'], { stdio: ['ignore', 'pipe', 'ignore'] });
      if (Number(/^v(\d+)/.exec(version.toString())?.[1]) < 26) return `${folder}/node`;
    } catch {
      // No Node here.
    }
  }
  return undefined;
}

afterAll(async () => {
  await endProcesses();
});
