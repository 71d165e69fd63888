import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DatabaseConnection } from '#libs/database';
import { DrainState } from '#libs/http';
import { startTestApp, type TestApp } from './support/app.js';
import { startPostgres, type TestPostgres } from './support/embedded-postgres.js';
import { eventually } from './support/eventually.js';

/** The contract: whatever the database does, a probe is answered within this time. */
const PROBE_TIMEOUT_MS = 3_000;

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: string;
}

async function probe({ url }: TestApp, path = '/readyz', headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${url}${path}`, { headers, signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

const becomesReady = async (app: TestApp): Promise<void> =>
  eventually('ready', async () => (await probe(app)).body === 'ready');

const becomesUnready = async (app: TestApp, reason: RegExp): Promise<void> =>
  eventually(`not ready: ${reason}`, async () => {
    const { status, body } = await probe(app);
    return status === 503 && reason.test(body);
  });

describe('probes of a service without a database', () => {
  let app: TestApp;

  beforeEach(async () => {
    app = await startTestApp();
  });

  afterEach(async () => {
    await app.close();
  });

  it('are answered as plain text', async () => {
    expect(await probe(app, '/livez')).toEqual({ status: 200, type: 'text/plain; charset=utf-8', body: 'alive' });
    expect(await probe(app)).toEqual({ status: 200, type: 'text/plain; charset=utf-8', body: 'ready' });
  });

  it.each([
    ['?verbose', '/readyz?verbose', {}],
    ['Accept', '/readyz', { accept: 'application/json' }],
  ])('are told per check when asked by %s', async (_by, path, headers) => {
    const { status, type, body } = await probe(app, path, headers);

    expect([status, type]).toEqual([200, 'application/json; charset=utf-8']);
    expect(JSON.parse(body)).toMatchObject({ status: 'ok', details: { drain: { status: 'up' } } });
  });

  it('while draining: not ready and why, alive all the same, and connections are asked to end', async () => {
    app.app.get(DrainState).startDraining();

    const readiness = await fetch(`${app.url}/readyz`);
    const verbose = await probe(app, '/readyz?verbose');

    expect([readiness.status, await readiness.text()]).toEqual([503, 'not ready: drain: the service is shutting down']);
    expect(readiness.headers.get('connection')).toBe('close');
    expect(verbose.status).toBe(503);
    expect(JSON.parse(verbose.body)).toMatchObject({ status: 'error', error: { drain: { status: 'down' } } });
    expect(await probe(app, '/livez')).toMatchObject({ status: 200, body: 'alive' });
  });

  it('are neither logged nor given a trace', async () => {
    await probe(app, '/livez');
    await probe(app);

    expect(app.lines().filter(({ msg }) => msg === 'request')).toEqual([]);
  });
});

describe('probes of a service with a database', () => {
  let postgres: TestPostgres;
  let app: TestApp;

  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);

  afterAll(async () => {
    await postgres.remove();
  });

  afterEach(async () => {
    await postgres.start();
    await postgres.resume();
    await app.close();
  });

  async function start(environment: NodeJS.ProcessEnv = {}): Promise<void> {
    app = await startTestApp({ DATABASE_URL: await postgres.createDatabase(), ...environment });
  }

  it('with migrations pending: not ready, and which check says so', async () => {
    await start();

    await becomesUnready(app, /^not ready: migrations: 2 pending/);
    const verbose = await probe(app, '/readyz?verbose');

    expect(JSON.parse(verbose.body)).toMatchObject({
      details: { database: { status: 'up' }, migrations: { status: 'down' }, drain: { status: 'up' } },
    });
  });

  it('with all migrations applied: ready', async () => {
    await start({ DATABASE_MIGRATE_ON_START: 'true' });

    await becomesReady(app);
  });

  it('when the database dies: not ready, alive, and ready again once it is back', async () => {
    await start({ DATABASE_MIGRATE_ON_START: 'true' });
    await becomesReady(app);

    await postgres.kill();
    await becomesUnready(app, /^not ready: database: /);
    const liveness = await probe(app, '/livez');
    const service = await fetch(app.url);
    await postgres.start();

    expect(liveness).toMatchObject({ status: 200, body: 'alive' });
    expect(service.status).toBe(200);
    await becomesReady(app);
  });

  it('when the database hangs: answered in time as not ready, and ready again once it goes on', async () => {
    await start({ DATABASE_MIGRATE_ON_START: 'true' });
    await becomesReady(app);

    await postgres.pause();
    await becomesUnready(app, /^not ready: database: /);
    const liveness = await probe(app, '/livez');
    await postgres.resume();

    expect(liveness.status).toBe(200);
    await becomesReady(app);
  });

  it('that says nothing of the inside to whoever asks', async () => {
    await start();
    await postgres.stop();

    await becomesUnready(app, /database/);
    const { body } = await probe(app, '/readyz?verbose');

    expect(body).not.toMatch(/127\.0\.0\.1|postgres:|password|test_/);
  });

  it('in a storm: cost the database one question a second', async () => {
    await start({ DATABASE_MIGRATE_ON_START: 'true' });
    await becomesReady(app);
    const questions = jest.spyOn(app.app.get(DatabaseConnection), 'pendingMigrations');
    const startedAt = performance.now();

    for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 100 }, async () => probe(app)));

    const seconds = (performance.now() - startedAt) / 1_000;
    expect(questions.mock.calls.length).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
  });

  it('log changes of readiness, once each, and no probe', async () => {
    await start({ DATABASE_MIGRATE_ON_START: 'true' });
    await becomesReady(app);
    await probe(app);
    await probe(app);

    const lines = app.lines().filter(({ context }) => context === 'Readiness');
    expect(lines.filter(({ msg }) => msg === 'ready')).toHaveLength(1);
    expect(new Set(lines.map(({ msg }) => msg)).size).toBe(lines.length);
  });
});
