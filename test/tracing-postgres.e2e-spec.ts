import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { FlagsService } from '#libs/flags';
import { TracingService } from '#libs/telemetry';
import { startPostgres, type TestPostgres } from './support/embedded-postgres.js';
import { answers, endProcesses, startProcess } from './support/process.js';
import { SAMPLED, TRACE_ID, TracedService } from './support/traced-service.js';
import { UsersModule } from './support/users.module.js';

let postgres: TestPostgres;
let databaseUrl: URL;
let service: TracedService;

beforeAll(async () => {
  postgres = await startPostgres();
  databaseUrl = new URL(await postgres.createDatabase());
  service = await TracedService.create([UsersModule]);
  await service.start({ DATABASE_URL: databaseUrl.href, DATABASE_MIGRATE_ON_START: 'true' });
  await answers(`${service.test.url}/readyz`);
}, 90_000);

afterAll(async () => {
  await service?.end();
  await postgres?.remove();
});

describe('a traced request that asks Postgres', () => {
  it('has the query as its child, with the statement and without its parameters', async () => {
    const [query, server] = await service.spansOf(2, () => service.get('/users/by-email/ann@secret.example'));

    expect(server).toMatchObject({ name: 'GET /users/by-email/:email', kind: 'SERVER' });
    expect(query).toMatchObject({
      kind: 'CLIENT',
      traceId: server?.traceId,
      parentSpanId: server?.spanId,
      scope: '@opentelemetry/instrumentation-pg',
      status: { code: 'UNSET' },
    });
    expect(query?.attributes).toMatchObject({
      'db.system.name': 'postgresql',
      'db.namespace': databaseUrl.pathname.slice(1),
      'db.query.text': expect.stringMatching(/^SELECT .* FROM "users"/),
      'server.address': databaseUrl.hostname,
      'server.port': Number(databaseUrl.port),
    });
    expect(JSON.stringify(query)).not.toContain('secret');
  });

  it('that Postgres refuses, has the SQLSTATE and not the message, which quotes the parameter', async () => {
    const [query, server] = await service.spansOf(2, () => service.get('/users/s3cret'));

    expect(query?.status).toEqual({ code: 'ERROR', message: '' });
    expect(JSON.stringify(query?.events)).toContain('22P02');
    expect(JSON.stringify(query)).not.toContain('s3cret');
    expect(server?.attributes['http.response.status_code']).toBe(500);
  });

  it('with tracing turned off, has neither its own span nor that of the query', async () => {
    const flags = service.test.app.get(FlagsService);
    flags.setOverrides({ tracing: false });

    const { status } = await service.get('/users/1', { traceparent: SAMPLED });
    await service.test.app.get(TracingService).flush();
    flags.resetOverrides();

    expect(status).toBe(404);
    expect(service.receiver.spans.filter(({ traceId }) => traceId === TRACE_ID)).toEqual([]);
  });
});

describe('a query outside of a request', () => {
  it('has no span: those of the start and of the probes are nobody’s', async () => {
    await answers(`${service.test.url}/readyz?verbose`);
    await service.test.app.get(TracingService).flush();

    const { spans } = service.receiver;
    const servers = new Set(spans.filter(({ kind }) => kind === 'SERVER').map(({ spanId }) => spanId));
    const queries = spans.filter(({ kind }) => kind === 'CLIENT');
    expect(queries.filter(({ parentSpanId }) => !servers.has(parentSpanId))).toEqual([]);
  });
});

describe('the built service', () => {
  /** TypeORM comes first, on purpose: the order of imports must not matter. */
  const PROGRAM = `
    import { DataSource } from 'typeorm';
    import { context, ROOT_CONTEXT, trace } from '@opentelemetry/api';
    import { loadConfig } from '#libs/config';
    import { TracingService } from '#libs/telemetry';

    const dataSource = new DataSource({ type: 'postgres', url: process.env.DATABASE_URL });
    await dataSource.initialize();
    const tracing = new TracingService(loadConfig());
    await tracing.onModuleInit();
    const span = tracing.startServerSpan('request', {}, ROOT_CONTEXT);
    await context.with(trace.setSpan(ROOT_CONTEXT, span), () => dataSource.query('SELECT 1 AS one'));
    span.end();
    await dataSource.destroy();
    await tracing.onApplicationShutdown();
  `;

  afterEach(endProcesses);

  it('under Node’s own module loaders, has spans of queries too', async () => {
    const [query, server] = await service.spansOf(2, async () => {
      const program = startProcess(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
        env: { DATABASE_URL: databaseUrl.href, OTEL_EXPORTER_OTLP_ENDPOINT: service.receiver.endpoint },
      });

      expect(await program.exit).toEqual({ code: 0, signal: null });
    });

    expect(query?.attributes['db.query.text']).toBe('SELECT 1 AS one');
    expect(query?.parentSpanId).toBe(server?.spanId);
  });
});
