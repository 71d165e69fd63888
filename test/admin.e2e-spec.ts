import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from './support/app.js';

const JSON_TYPE = { 'content-type': 'application/json' };

describe('/admin', () => {
  let service: TestApp | undefined;

  async function start(environment: NodeJS.ProcessEnv = {}): Promise<TestApp> {
    service = await startTestApp({ ADMIN_FLAGS_ENABLED: 'true', ...environment });
    return service;
  }

  afterEach(async () => {
    await service?.close();
    service = undefined;
  });

  const post = async (
    { url }: TestApp,
    body: string | undefined,
    { path = '/admin/flags', headers = {} }: { path?: string; headers?: Record<string, string> } = {},
  ): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: 'POST',
      headers: { ...(body === undefined ? {} : JSON_TYPE), ...headers },
      ...(body === undefined ? {} : { body }),
    });

  const overrides = async ({ url }: TestApp): Promise<unknown> =>
    ((await (await fetch(`${url}/admin/flags`)).json()) as { overrides: unknown }).overrides;

  /** Status of a request with a `Host` that `fetch` would not let us set. */
  const statusByHost = async ({ url }: TestApp, host: string, headers: Record<string, string> = {}): Promise<number> =>
    new Promise((resolve, reject) => {
      httpRequest(`${url}/admin/flags`, { headers: { host, ...headers } }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });

  describe('flags', () => {
    it('GET tells defaults, overrides, and what holds with its source, reason and instance', async () => {
      const app = await start({ ENABLE_METRICS: 'true' });

      const state = await (await fetch(`${app.url}/admin/flags`)).json();

      expect(state).toEqual({
        defaults: { tracing: false, metrics: true },
        overrides: {},
        effective: {
          tracing: { value: false, source: 'default', reason: expect.any(String) },
          metrics: { value: true, source: 'default', reason: expect.any(String) },
        },
        instance: expect.stringMatching(/./),
      });
    });

    it('POST by body, query or both sets overrides that hold from the next request on', async () => {
      const app = await start();

      const first = await post(app, '{"metrics":true}');
      const scrape = await fetch(`${app.url}/metrics`);
      const second = await post(app, '{"metrics":false}', { path: '/admin/flags?tracing=true' });
      const disabled = await fetch(`${app.url}/metrics`);

      expect([first.status, await first.json()]).toEqual([200, { overrides: { metrics: true } }]);
      expect(scrape.status).toBe(200);
      expect([second.status, await second.json()]).toEqual([200, { overrides: { metrics: false, tracing: true } }]);
      expect([disabled.status, await disabled.text()]).toEqual([404, 'metrics disabled']);
    });

    it('POST /reset clears all overrides', async () => {
      const app = await start();
      await post(app, '{"metrics":true,"tracing":true}');

      const reset = await post(app, undefined, { path: '/admin/flags/reset' });

      expect([reset.status, await reset.json()]).toEqual([200, { overrides: {} }]);
      expect(await overrides(app)).toEqual({});
    });

    it.each([
      ['null', '{"metrics":false,"tracing":null}', 400],
      ['another type', '{"metrics":false,"tracing":"yes"}', 400],
      ['an unknown key', '{"metrics":false,"colour":true}', 400],
      ['a key twice', '{"metrics":false,"metrics":true}', 400],
      ['a list', '[]', 400],
      ['broken JSON', '{"metrics":fal', 400],
      ['no JSON at all under its name', '', 400],
      ['a poisoned prototype', '{"metrics":false,"__proto__":{"tracing":true}}', 400],
      ['a poisoned constructor', '{"metrics":false,"constructor":{"prototype":{"tracing":true}}}', 400],
      ['17 kB', JSON.stringify({ metrics: false, padding: 'x'.repeat(17_000) }), 413],
    ])('POST of %s is refused and changes nothing', async (_what, body, status) => {
      const app = await start();
      await post(app, '{"metrics":true}');

      const response = await post(app, body);

      expect(response.status).toBe(status);
      expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect(await overrides(app)).toEqual({ metrics: true });
    });

    it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'multipart/form-data; boundary=x'])(
      'POST of %s is refused with 415 and changes nothing',
      async (type) => {
        const app = await start();

        const response = await post(app, 'tracing=true', { headers: { 'content-type': type } });

        expect(response.status).toBe(415);
        expect(await overrides(app)).toEqual({});
      },
    );

    it('loses no update of a hundred writers at once', async () => {
      const app = await start();
      const writers = Array.from({ length: 100 }, async (_, index) =>
        post(app, index % 2 === 0 ? '{"metrics":true}' : '{"tracing":true}'),
      );

      const answers = await Promise.all(writers);

      expect(answers.every(({ status }) => status === 200)).toBe(true);
      expect(await overrides(app)).toEqual({ metrics: true, tracing: true });
    });

    it('writes each change to the log, and what was refused, with the ids of the request', async () => {
      const app = await start();

      const done = await post(app, '{"tracing":true}');
      const refused = await post(app, '{"tracing":1}');

      const audit = app.lines().filter(({ msg }) => msg === 'admin action');
      expect(audit).toEqual([
        expect.objectContaining({
          level: 'info',
          action: 'setFlags',
          outcome: 'done',
          result: { overrides: { tracing: true } },
          request_id: done.headers.get('x-request-id'),
        }),
        expect.objectContaining({
          level: 'warn',
          outcome: 'refused',
          reason: '"tracing" must be true or false',
          request_id: refused.headers.get('x-request-id'),
        }),
      ]);
    });

    it('ends with the process: another instance has none of it', async () => {
      const app = await start();
      await post(app, '{"metrics":true}');
      await app.close();

      const next = await start();

      expect(await overrides(next)).toEqual({});
    });
  });

  describe('access', () => {
    it('where it is off: 404 for everything, as if it did not exist', async () => {
      const app = await start({ ADMIN_FLAGS_ENABLED: 'false' });

      const statuses = await Promise.all([
        fetch(`${app.url}/admin/flags`),
        fetch(`${app.url}/admin/openapi.json`),
        fetch(`${app.url}/admin/flags`, { method: 'DELETE' }),
        post(app, '{"broken'),
        post(app, 'x', { headers: { 'content-type': 'text/plain' } }),
        post(app, undefined, { path: '/admin/flags/reset' }),
      ]);

      expect(statuses.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404]);
    });

    it.each([undefined, 'Bearer', 'Bearer wrong', 'Bearer t0ken2', 'Bearer t0ke', 'Basic t0ken', 't0ken'])(
      'with a token: %s is refused with 401 and the scheme',
      async (authorization) => {
        const app = await start({ ADMIN_TOKEN: 't0ken' });

        const response = await post(app, '{"metrics":true}', { headers: authorization ? { authorization } : {} });

        expect(response.status).toBe(401);
        expect(response.headers.get('www-authenticate')).toBe('Bearer');
        expect(app.lines()).toContainEqual(expect.objectContaining({ msg: 'admin action', outcome: 'refused' }));
        expect(JSON.stringify(app.lines())).not.toContain('t0ken');
      },
    );

    it('with a token: who has it gets in, by any host', async () => {
      const app = await start({ ADMIN_TOKEN: 't0ken' });

      expect(await statusByHost(app, 'example.com', { authorization: 'Bearer t0ken' })).toBe(200);
      expect(await statusByHost(app, 'example.com', { authorization: 'bearer  t0ken' })).toBe(200);
    });

    it('with a token in a file: a new one holds at once, the old one no more', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'admin-'));
      const file = join(folder, 'token');
      writeFileSync(file, 'old');
      const app = await start({ ADMIN_TOKEN_FILE: file });

      writeFileSync(file, 'new');

      expect(await statusByHost(app, 'a', { authorization: 'Bearer old' })).toBe(401);
      expect(await statusByHost(app, 'a', { authorization: 'Bearer new' })).toBe(200);
      await app.log.waitFor(({ msg }) => msg === 'ADMIN_TOKEN_FILE has changed: its new value is in use');
      writeFileSync(file, '');
      await app.log.waitFor(({ msg }) => msg.startsWith('ADMIN_TOKEN_FILE cannot be used any more (it is empty)'));
      expect(await statusByHost(app, 'a', { authorization: 'Bearer new' })).toBe(200);
      rmSync(folder, { recursive: true });
    });

    it('without a token: only hosts that are this machine', async () => {
      const app = await start();

      expect(await statusByHost(app, 'localhost:8080')).toBe(200);
      expect(await statusByHost(app, 'hello-world')).toBe(200);
      expect(await statusByHost(app, 'rebound.example.com')).toBe(403);
    });

    it.each([{ origin: 'https://example.com' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }])(
      'a change by a page of another site (%j) is refused with 403 and changes nothing',
      async (headers) => {
        const app = await start();

        const response = await post(app, '{"metrics":true}', { headers });

        expect(response.status).toBe(403);
        expect(await overrides(app)).toEqual({});
      },
    );

    it('a change by a page of its own is allowed', async () => {
      const app = await start();

      const response = await post(app, '{"metrics":true}', { headers: { origin: app.url } });

      expect(response.status).toBe(200);
    });
  });

  it('serves the OpenAPI document that is checked in', async () => {
    const app = await start();

    const served = (await (await fetch(`${app.url}/admin/openapi.json`)).json()) as { info: { version: string } };

    const checkedIn = JSON.parse(await readFile('docs/openapi.json', 'utf8')) as { info: { version: string } };
    expect(served).toEqual({ ...checkedIn, info: { ...checkedIn.info, version: served.info.version } });
    expect(checkedIn).toMatchObject({ openapi: '3.1.0' });
  });
});
