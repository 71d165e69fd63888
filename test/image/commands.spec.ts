import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { Client } from 'pg';
import { startPostgres, type TestPostgres } from '../support/embedded-postgres.js';
import { answers } from '../support/process.js';
import { describeUnless } from '../support/unless.js';
import { type ContainerOptions, removeContainers, runContainer, startContainer } from './container.js';
import { HARDENED, whyNoHostNetwork, whyNoImage } from './image.js';

const MAIN = 'dist/apps/hello-world/src/main.js';
const DATA_SOURCE = 'dist/libs/database/src/data-source.js';

const cli = (command: string): readonly string[] => ['node_modules/typeorm/cli.js', command, '-d', DATA_SOURCE];

jest.setTimeout(2 * 60_000);

afterEach(removeContainers);

describeUnless(whyNoImage())('the image by its command lines', () => {
  it('prints the configuration in force, with secrets masked', async () => {
    const container = await runContainer({
      flags: HARDENED,
      env: { ADMIN_TOKEN: 's3cret', PORT: '9999' },
      args: [MAIN, '--print-config'],
    });

    expect(container.code).toBe(0);
    expect(JSON.parse(container.stdout())).toMatchObject({ PORT: 9999, ADMIN_TOKEN: expect.stringMatching(/^\*+$/) });
    expect(container.stdout()).not.toContain('s3cret');
  });

  it('refuses a bad configuration with 78 and one line that names the keys', async () => {
    const container = await runContainer({ flags: HARDENED, env: { PORT: 'p0rt', LOG_LEVEL: 'l0ud' } });

    expect(container.code).toBe(78);
    expect(container.lines()).toEqual([expect.objectContaining({ level: 'fatal', msg: 'configuration is invalid' })]);
    expect(container.stdout()).toMatch(/PORT.*LOG_LEVEL|LOG_LEVEL.*PORT/);
  });

  it('has what its start compiles compiled', async () => {
    const container = await runContainer({
      flags: HARDENED,
      env: { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
      args: [MAIN, '--print-config'],
    });

    const decided = [...container.stderr().matchAll(/V8 code cache for ESM \S+ was (accepted|rejected)/g)];
    expect(decided.length).toBeGreaterThan(0);
    expect(decided.filter(([, verdict]) => verdict === 'rejected')).toEqual([]);
  });

  it('reads flags from a file that is mounted, and sees it change', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'image-flags-'));
    const write = (variant: 'on' | 'off'): Promise<void> => {
      const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: variant };
      return writeFile(join(folder, 'flags.json'), JSON.stringify({ flags: { metrics_enabled: flag } }));
    };
    try {
      await chmod(folder, 0o755);
      await write('on');
      const container = startContainer({
        flags: [...HARDENED, '--volume', `${folder}:/flags:ro`],
        env: { FLAGD_RESOLVER: 'file', FLAGD_OFFLINE_FLAG_SOURCE_PATH: '/flags/flags.json', ENABLE_METRICS: 'false' },
      });
      const metrics = `${await container.url()}/metrics`;

      const whileOn = await answers(metrics, 200);
      await write('off');
      const whileOff = await answers(metrics, 404);

      expect(whileOn).toContain('feature_flag_enabled{flag="metrics_enabled"} 1');
      expect(whileOff).toBe('metrics disabled');
    } finally {
      await removeContainers();
      await rm(folder, { recursive: true });
    }
  });

  it('serves the description of its interface, though the user interface for it is left out', async () => {
    const container = startContainer({
      flags: HARDENED,
      env: { ADMIN_FLAGS_ENABLED: 'true', ADMIN_TOKEN: 'token' },
    });

    const response = await fetch(`${await container.url()}/admin/openapi.json`, {
      headers: { authorization: 'Bearer token' },
    });

    expect(await response.json()).toMatchObject({ openapi: expect.stringMatching(/^3\.1/), paths: expect.anything() });
  });
});

describeUnless(whyNoImage() ?? whyNoHostNetwork())('the image with a real Postgres', () => {
  let postgres: TestPostgres;

  beforeAll(async () => {
    postgres = await startPostgres();
  });

  afterAll(async () => {
    await postgres.remove();
  });

  const options = (url: string, args: readonly string[] = []): ContainerOptions => ({
    flags: [...HARDENED, '--network', 'host'],
    env: { DATABASE_URL: url, HOST: '127.0.0.1', PORT: '0' },
    args,
  });

  async function tablesOf(url: string): Promise<string[]> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      const { rows } = await client.query<{ name: string }>(
        "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
      );
      return rows.map(({ name }) => name);
    } finally {
      await client.end();
    }
  }

  it('applies the migrations, shows them, and takes the last one back', async () => {
    const url = await postgres.createDatabase();

    const before = await runContainer(options(url, cli('migration:show')));
    const applied = await runContainer(options(url, cli('migration:run')));
    const whenApplied = await tablesOf(url);
    const after = await runContainer(options(url, cli('migration:show')));
    const taken = await runContainer(options(url, cli('migration:revert')));
    const whenTaken = await tablesOf(url);

    expect([applied.code, taken.code]).toEqual([0, 0]);
    expect(whenApplied).toEqual(expect.arrayContaining(['orders', 'users']));
    expect(whenTaken).not.toContain('orders');
    expect(before.stdout()).toContain('[ ]');
    expect(after.stdout()).toContain('[X]');
    expect(after.stdout()).not.toContain('[ ]');
  });

  it('is ready only once the migrations are applied', async () => {
    const url = await postgres.createDatabase();
    const service = startContainer(options(url));
    const readiness = `${await service.url()}/readyz`;

    const early = await answers(readiness, 503);
    const migration = await runContainer(options(url, cli('migration:run')));
    const late = await answers(readiness, 200);

    expect(early).toMatch(/migration/);
    expect(migration.code).toBe(0);
    expect(late).toBe('ready');
  });

  it('ends with a clear word and no success where a migration finds no database', async () => {
    // Refused at once rather than waited for: the server has no such database.
    const url = `${postgres.url.slice(0, postgres.url.lastIndexOf('/'))}/no_such_database`;

    const container = await runContainer(options(url, cli('migration:run')));

    expect(container.code).not.toBe(0);
    expect(container.stderr()).toContain('no_such_database');
  });
});
