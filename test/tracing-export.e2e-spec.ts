import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { TracingService } from '#libs/telemetry';
import { endProcesses, startProcess } from './support/process.js';
import { TracedModule } from './support/traced.module.js';
import { EAGER_EXPORT, TracedService } from './support/traced-service.js';

let service: TracedService;

const dropped = () => service.test.app.get(TracingService).droppedSpans();

beforeAll(async () => {
  service = await TracedService.create([TracedModule]);
});

afterAll(() => service.end());

describe('given a collector in trouble', () => {
  afterEach(async () => {
    service.receiver.behaviour = 'accept';
    await service.close();
  });

  it('that is down, requests are served, spans counted, and the log says so once and without secrets', async () => {
    await service.receiver.die();
    await service.start({}, { ...EAGER_EXPORT, OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer s3cret' });

    const first = await service.get('/');
    await service.test.log.waitFor((line) => line.level === 'warn');
    const second = await service.get('/');
    await service.receiver.revive();

    expect([first.status, second.status]).toEqual([200, 200]);
    expect(dropped().export_failed).toBeGreaterThanOrEqual(1);
    expect(service.warnings()).toHaveLength(1);
    expect(service.warnings()[0]).toMatchObject({ msg: expect.stringContaining('ECONNREFUSED') });
    expect(JSON.stringify(service.test.lines())).not.toContain('s3cret');
  });

  it('that comes back, spans arrive again, with the configured headers, and the log says so', async () => {
    await service.receiver.die();
    await service.start(
      {},
      {
        ...EAGER_EXPORT,
        OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer s3cret',
        OTEL_EXPORTER_OTLP_COMPRESSION: 'gzip',
      },
    );
    await service.get('/');
    await service.test.log.waitFor((line) => line.level === 'warn');

    await service.receiver.revive();
    await service.spanOf(() => service.get('/'));

    await service.test.log.waitFor((line) => line.msg.endsWith('takes spans again'));
    expect(service.receiver.exports.at(-1)?.headers).toMatchObject({
      authorization: 'Bearer s3cret',
      'content-encoding': 'gzip',
    });
  });

  it('that is unavailable for a moment, the export is tried again and nothing is lost', async () => {
    const { attempts } = service.receiver;
    service.receiver.behaviour = { status: 503 };
    await service.start({}, { OTEL_BSP_SCHEDULE_DELAY: '10' });

    const span = await service.spanOf(async () => {
      await service.get('/traced/orders/9');
      await service.receiver.waitForAttempts(attempts + 1);
      service.receiver.behaviour = 'accept';
    });

    expect(span.attributes['url.path']).toBe('/traced/orders/9');
    expect(dropped()).toEqual({ queue_full: 0, export_failed: 0, shutdown: 0 });
  });

  it('that refuses for good, the reason is logged', async () => {
    service.receiver.behaviour = { status: 401 };
    await service.start();

    await service.get('/');

    const line = await service.test.log.waitFor(({ level }) => level === 'warn');
    expect(line.msg).toContain('Unauthorized');
  });

  it('that is slow, requests do not wait for it', async () => {
    service.receiver.behaviour = { delayMs: 300 };
    await service.start();
    const before = service.receiver.spans.length;

    for (let index = 0; index < 20; index++) await service.get('/');

    expect(service.receiver.spans.length - before).toBeLessThan(20);
    await service.receiver.waitForSpans(before + 20);
  });

  it('that hangs, the queue stays bounded and what it cannot hold is counted', async () => {
    service.receiver.behaviour = 'hang';
    await service.start({}, { ...EAGER_EXPORT, OTEL_BSP_MAX_QUEUE_SIZE: '5' });

    const answers = await Promise.all(Array.from({ length: 40 }, () => service.get('/')));

    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(dropped().queue_full).toBeGreaterThanOrEqual(1);
    expect(service.warnings()[0]?.msg).toContain('new ones are dropped');
  });

  it('that hangs at the end, the shutdown goes on without it and counts what stayed behind', async () => {
    service.receiver.behaviour = 'hang';
    await service.start({}, { OTEL_EXPORTER_OTLP_TIMEOUT: '3500' });
    await service.get('/', { 'x-request-id': 'last' });
    await service.accessLine('last');
    const tracing = service.test.app.get(TracingService);

    await service.close();

    expect(tracing.droppedSpans()).toEqual({ queue_full: 0, export_failed: 0, shutdown: 1 });
  });

  it('that is well, everything queued arrives before the end', async () => {
    await service.start({}, {});
    const before = service.receiver.spans.length;
    for (let index = 0; index < 10; index++) await service.get('/', { 'x-request-id': `queued-${index}` });
    await service.accessLine('queued-9');

    await service.close();

    expect(service.receiver.spans.length - before).toBe(10);
  });
});

describe('the process, asked to end', () => {
  const MAIN = 'dist/apps/hello-world/src/main.js';

  afterEach(async () => {
    service.receiver.behaviour = 'accept';
    await endProcesses();
  });

  /** Starts the built service, has it serve one traced request, and asks it to end before the span is exported. */
  async function serveOneAndEnd() {
    const process = startProcess(globalThis.process.execPath, [MAIN], {
      env: {
        PORT: '0',
        HOST: '127.0.0.1',
        ENABLE_TRACING: 'true',
        OTEL_EXPORTER_OTLP_ENDPOINT: service.receiver.endpoint,
        OTEL_BSP_SCHEDULE_DELAY: '60000',
        SHUTDOWN_TIMEOUT_MS: '15000',
      },
    });
    const [, port] = await process.output(/"port":(\d+)/);
    await (await fetch(`http://127.0.0.1:${port}/`)).text();
    await process.output(/"msg":"request"/);
    process.kill('SIGTERM');
    return process;
  }

  it('exports the span in its queue, then ends in order', async () => {
    const spans = await service.spansOf(1, async () => {
      const process = await serveOneAndEnd();

      expect(await process.exit).toEqual({ code: 0, signal: null });
    });

    expect(spans).toMatchObject([{ name: 'GET /', resource: { 'service.name': 'hello-world' } }]);
  });

  it('given a collector that hangs, ends in order all the same and says what is lost', async () => {
    service.receiver.behaviour = 'hang';

    const process = await serveOneAndEnd();

    expect(await process.exit).toEqual({ code: 0, signal: null });
    expect(process.stdout()).toContain('1 spans have not reached');
  });
});
