import { execFileSync, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { getDataSourceToken } from '@nestjs/typeorm';
import pg from 'pg';
import { register } from 'prom-client';
import type { DataSource } from 'typeorm';
import { loadConfig } from '#libs/config';
import { DatabaseConnection } from '#libs/database';
import { Order, User } from '#libs/database/entities';
import { migrations } from '#migrations';
import { migrationDataSourceOptions } from '../libs/database/src/database.options.js';
import { MigrationDataSource } from '../libs/database/src/migration-data-source.js';
import { startTestApp, type TestApp } from './support/app.js';
import { startPostgres, type TestPostgres } from './support/embedded-postgres.js';
import { eventually } from './support/eventually.js';
import { describeUnless } from './support/unless.js';

const NAMES = migrations.map(({ name }) => name);
/** Generous: what is measured is that there is a bound, not how fast this machine is. */
const SOON_MS = 10_000;

let postgres: TestPostgres;
let url: string;
let folder: string;
let apps: TestApp[];

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);

afterAll(() => postgres?.remove());

beforeEach(async () => {
  url = await postgres.createDatabase();
  folder = mkdtempSync(join(tmpdir(), 'database-e2e-'));
  apps = [];
});

afterEach(async () => {
  for (const app of apps) await app.close();
  rmSync(folder, { recursive: true });
});

/** The whole application; `connected` resolves once the database is there. */
async function start(environment: NodeJS.ProcessEnv = {}) {
  // The registry belongs to the process; these tests are not about metrics, and some run two apps.
  register.clear();
  const app = await startTestApp({ DATABASE_URL: url, LOG_LEVEL: 'debug', ...environment });
  apps.push(app);
  const logged = (text: string | RegExp) => app.log.waitFor(({ msg }) => msg.search(text) >= 0, 20_000);
  return {
    app,
    logged,
    count: (text: string) => app.lines().filter(({ msg }) => msg.includes(text)).length,
    connected: () => logged('connected to the database'),
    database: app.app.get(DatabaseConnection),
  };
}

async function startConnected(environment: NodeJS.ProcessEnv = {}) {
  const started = await start(environment);
  await started.connected();
  return { ...started, dataSource: started.app.app.get<DataSource>(getDataSourceToken()) };
}

async function query<Row extends object>(text: string, on = url): Promise<Row[]> {
  const client = new pg.Client({ connectionString: on });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

async function migrate(): Promise<void> {
  const config = loadConfig({ DATABASE_URL: url });
  const dataSource = new MigrationDataSource(migrationDataSourceOptions(config.database, config.service.name));
  await dataSource.initialize();
  await dataSource.runMigrations();
  await dataSource.destroy();
}

/** A URL of the same database with other parts. */
function variant(change: (parts: URL) => void): string {
  const parts = new URL(url);
  change(parts);
  return parts.href;
}

/** Resolves with the first answer that comes. */
async function answer(database: DatabaseConnection): Promise<void> {
  await eventually('the database answers', () =>
    database.pendingMigrations(1_000).then(
      () => true,
      () => false,
    ),
  );
}

const served = async ({ url: base }: TestApp): Promise<string> => (await fetch(base)).text();

describe('the service without a database', () => {
  it('serves, and says that there is none to whoever asks', async () => {
    const { app, database, count } = await start({ DATABASE_URL: '' });

    expect(database.enabled).toBe(false);
    expect(database.poolStats()).toBeUndefined();
    await expect(database.pendingMigrations(1_000)).rejects.toThrow('no database is configured');
    expect(await served(app)).toBe('hello world');
    expect(count('database')).toBe(0);
  });
});

describe('the service with a database', () => {
  it('is connected, under its own name, with its pool bounded and its statements too', async () => {
    const { database, dataSource } = await startConnected({
      DATABASE_POOL_MAX: '1',
      DATABASE_STATEMENT_TIMEOUT_MS: '100',
      OTEL_SERVICE_NAME: 'greeter',
    });

    await Promise.all([dataSource.query('SELECT 1'), dataSource.query('SELECT 2')]);

    expect(database.poolStats()).toEqual({ idle: 1, busy: 0, waiting: 0 });
    expect(await dataSource.query(`SELECT current_setting('application_name') AS name`)).toEqual([{ name: 'greeter' }]);
    await expect(dataSource.query('SELECT pg_sleep(10)')).rejects.toThrow('statement timeout');
  });

  it('needs no right to change the schema, and makes no table of its own', async () => {
    const asReader = await postgres.createRole(url);
    const empty = await startConnected({ DATABASE_URL: asReader });
    expect(await empty.database.pendingMigrations(5_000)).toEqual({ pending: NAMES, unknown: [] });
    await migrate();

    const { database, dataSource } = await startConnected({ DATABASE_URL: asReader });
    const user = await dataSource.getRepository(User).save({ email: 'ada@example.org', name: 'Ada' });
    await dataSource.getRepository(Order).save({ userId: user.id, amountCents: '9007199254740993' });

    expect(await database.pendingMigrations(5_000)).toEqual({ pending: [], unknown: [] });
    expect(await dataSource.getRepository(Order).find({ relations: { user: true } })).toEqual([
      expect.objectContaining({ amountCents: '9007199254740993', status: 'new', user }),
    ]);
    await expect(dataSource.query('CREATE TABLE mine (id int)')).rejects.toThrow('permission denied');
  });

  it('says which migrations are missing, and why when it cannot know', async () => {
    const { database } = await startConnected();
    expect(await database.pendingMigrations(5_000)).toEqual({ pending: NAMES, unknown: [] });

    await query('CREATE TABLE migrations (id int)');

    await expect(database.pendingMigrations(5_000)).rejects.toThrow('42703');
  });

  it('serves with migrations of a newer release, and warns once', async () => {
    await migrate();
    await query(`INSERT INTO migrations (timestamp, name) VALUES (1999999999999, 'AddStars1999999999999')`);
    const { database, count } = await startConnected();

    const first = await database.pendingMigrations(5_000);
    const second = await database.pendingMigrations(5_000);

    expect(first).toEqual({ pending: [], unknown: ['AddStars1999999999999'] });
    expect(second).toEqual(first);
    expect(count('migrations of a newer release: AddStars1999999999999')).toBe(1);
  });

  it('applies the migrations at start where it is told to, once for two instances', async () => {
    const environment = { DATABASE_MIGRATE_ON_START: 'true' };

    const [one, two] = [await start(environment), await start(environment)];
    await Promise.all([answer(one.database), answer(two.database)]);

    expect(await one.database.pendingMigrations(5_000)).toEqual({ pending: [], unknown: [] });
    expect(await two.database.pendingMigrations(5_000)).toEqual({ pending: [], unknown: [] });
    expect(await query('SELECT name FROM migrations ORDER BY id')).toEqual(NAMES.map((name) => ({ name })));
  });

  it('refuses to start with a URL it cannot use, and does not show it', async () => {
    const starting = start({ DATABASE_URL: 'postgres://u:s3cret@db/x?sslmode=verify-ca' });

    await expect(starting).rejects.toThrow(/sslmode=verify-ca without sslrootcert/);
    await expect(starting).rejects.not.toThrow(/s3cret/);
  });
});

describe('the service while the database is away', () => {
  afterEach(async () => {
    await postgres.resume();
    await postgres.start();
  });

  it('listens at once, says what it waits for, and connects when the server comes', async () => {
    await postgres.stop();
    const { app, database, logged, connected } = await start({ DATABASE_MIGRATE_ON_START: 'true' });
    const { host } = new URL(url);

    await logged(`cannot use the database at ${host}: connection refused .ECONNREFUSED.; attempt 2 follows in \\d+ ms`);
    await expect(database.pendingMigrations(1_000)).rejects.toThrow('not connected: connection refused (ECONNREFUSED)');
    expect(await served(app)).toBe('hello world');

    await postgres.start();
    await connected();
    expect(await database.pendingMigrations(5_000)).toEqual({ pending: [], unknown: [] });
  });

  it('goes on serving with a wrong password, which no log line shows', async () => {
    const wrong = variant((parts) => {
      parts.password = 'wr0ngpassw0rd';
    });
    const { app, database, logged } = await start({ DATABASE_URL: wrong });

    await logged('authentication failed (28P01)'.replace(/[()]/g, '.'));

    await expect(database.pendingMigrations(1_000)).rejects.toThrow('not connected: authentication failed (28P01)');
    expect(await served(app)).toBe('hello world');
    expect(JSON.stringify(app.lines())).not.toContain('wr0ngpassw0rd');
  });

  it('survives a killed server and uses the next one by itself', async () => {
    const { app, database, dataSource, logged, count } = await startConnected();
    await Promise.all([dataSource.query('SELECT 1'), dataSource.query('SELECT 2'), dataSource.query('SELECT 3')]);

    await postgres.kill();
    await logged('an idle connection to .* is lost');
    await expect(database.pendingMigrations(1_000)).rejects.toThrow('connection refused (ECONNREFUSED)');
    expect(await served(app)).toBe('hello world');
    await postgres.start();
    await answer(database);

    expect(await dataSource.query('SELECT 4 AS four')).toEqual([{ four: 4 }]);
    expect(count('is lost')).toBe(1);
    expect(count('answers again')).toBe(1);
  });

  it('uses a restarted server by itself', async () => {
    const { database } = await startConnected();

    await postgres.stop();
    await postgres.start();

    await answer(database);
  });

  it('gets a bounded answer from a server that hangs, and no stuck connection is used again', async () => {
    const { app, database, dataSource } = await startConnected({ DATABASE_STATEMENT_TIMEOUT_MS: '50' });
    await Promise.all([dataSource.query('SELECT 1'), dataSource.query('SELECT 2')]);
    expect(database.poolStats()).toMatchObject({ idle: 2 });
    await postgres.pause();
    const before = performance.now();

    await expect(database.pendingMigrations(200)).rejects.toThrow('no answer in time');
    await expect(dataSource.query('SELECT 3')).rejects.toThrow();
    await expect(dataSource.query('SELECT 4')).rejects.toThrow();

    expect(performance.now() - before).toBeLessThan(SOON_MS);
    expect(await served(app)).toBe('hello world');
    expect(database.poolStats()).toMatchObject({ idle: 0, busy: 0, waiting: 0 });
    await postgres.resume();
    await answer(database);
    expect(await dataSource.query('SELECT 5 AS five')).toEqual([{ five: 5 }]);
  });

  it('hands out no connection whose query was given up', async () => {
    const { dataSource, database } = await startConnected({ DATABASE_STATEMENT_TIMEOUT_MS: '50' });
    await postgres.pause();

    await expect(dataSource.query('SELECT 1')).rejects.toThrow('Query read timeout');

    expect(database.poolStats()).toMatchObject({ idle: 0, busy: 0 });
  });

  it('gets a bounded answer while all connections are taken', async () => {
    const { database, dataSource } = await startConnected({ DATABASE_POOL_MAX: '1' });
    const runner = dataSource.createQueryRunner();
    await runner.connect();

    await expect(database.pendingMigrations(100)).rejects.toThrow('no answer in time');

    expect(database.poolStats()).toEqual({ idle: 0, busy: 1, waiting: 1 });
    await runner.release();
    await answer(database);
  });

  it.each([
    ['is not there', () => postgres.stop()],
    ['hangs', () => postgres.pause()],
  ])('ends in time while the server %s and it still tries to connect', async (_name, away) => {
    await away();
    const { app, database } = await start();
    const before = performance.now();

    await app.close();

    expect(performance.now() - before).toBeLessThan(SOON_MS);
    await expect(database.pendingMigrations(100)).rejects.toThrow('not connected');
  });

  it('ends in time while a connected server hangs', async () => {
    const { app, dataSource } = await startConnected();
    const unanswered = dataSource.query('SELECT 1').then(() => 'answered');
    await postgres.pause();
    const pending = expect(Promise.all([unanswered, dataSource.query('SELECT 2')])).rejects.toThrow();
    const before = performance.now();

    await app.close();

    expect(performance.now() - before).toBeLessThan(SOON_MS);
    await pending;
  });

  it('breaks off a migration that is under way when it must end', async () => {
    const rival = new pg.Client({ connectionString: url });
    await rival.connect();
    await rival.query('BEGIN; CREATE TABLE users (a_table_of_this_name_blocks_the_migration int)');
    const { app, logged } = await start({ DATABASE_MIGRATE_ON_START: 'true', DATABASE_LOCK_TIMEOUT_MS: '60000' });
    await logged('2 migrations are new');
    const before = performance.now();

    await app.close();

    expect(performance.now() - before).toBeLessThan(SOON_MS);
    await rival.query('ROLLBACK');
    await rival.end();
  });
});

describe('DATABASE_URL_FILE', () => {
  it('gives a rotated password to the next connection, with no restart', async () => {
    await query('DROP ROLE IF EXISTS rotated');
    await query(`CREATE ROLE rotated LOGIN PASSWORD 'first'`);
    const withPassword = (password: string): string =>
      variant((parts) => {
        parts.username = 'rotated';
        parts.password = password;
      });
    const path = join(folder, 'url');
    writeFileSync(path, withPassword('first'));
    const { app, database } = await startConnected({ DATABASE_URL: '', DATABASE_URL_FILE: path });

    await query(`ALTER ROLE rotated PASSWORD 'second'`);
    writeFileSync(path, withPassword('second'));
    await query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'rotated'`);
    await answer(database);

    expect(await query('SELECT 1 AS one', withPassword('second'))).toEqual([{ one: 1 }]);
    await expect(query('SELECT 1', withPassword('first'))).rejects.toThrow('password authentication failed');
    expect(JSON.stringify(app.lines())).not.toMatch(/needs a restart/);
  });

  it('needs a restart for any other change, and says so once', async () => {
    const path = join(folder, 'url');
    writeFileSync(path, url);
    const { logged, count, database } = await startConnected({ DATABASE_URL: '', DATABASE_URL_FILE: path });

    writeFileSync(
      path,
      variant((parts) => void (parts.pathname = '/elsewhere')),
    );

    await logged('more than the password has changed in .*: this needs a restart to take effect');
    await database.pendingMigrations(5_000);
    expect(count('needs a restart')).toBe(1);
    expect(count('elsewhere')).toBe(0);
  });
});

describeUnless(whyNoCertificates())('TLS', () => {
  let certificates: string;

  const certificate = (name: string, subject: string): { cert: string; key: string } => {
    const files = { cert: join(certificates, `${name}.crt`), key: join(certificates, `${name}.key`) };
    execFileSync(
      'openssl',
      // biome-ignore format: a command line
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/CN=test only',
        '-addext', `subjectAltName=${subject}`, '-keyout', files.key, '-out', files.cert],
      { stdio: 'ignore' },
    );
    return files;
  };

  beforeAll(async () => {
    certificates = mkdtempSync(join(tmpdir(), 'database-tls-'));
    const admin = await postgres.createDatabase();
    const [setting] = await query<{ data_directory: string }>('SHOW data_directory', admin);
    const { uid, gid } = statSync(setting!.data_directory);
    const { cert, key } = certificate('server', 'DNS:localhost');
    certificate('other', 'DNS:localhost');
    // The server, which may be another user, must own its key.
    if (process.getuid?.() === 0) for (const path of [certificates, cert, key]) chownSync(path, uid, gid);
    for (const setting of [`ssl_cert_file = '${cert}'`, `ssl_key_file = '${key}'`, 'ssl = on'])
      await query(`ALTER SYSTEM SET ${setting}`, admin);
    await query('SELECT pg_reload_conf()', admin);
  });

  afterAll(async () => {
    const admin = await postgres.createDatabase();
    await query('ALTER SYSTEM RESET ALL', admin);
    await query('SELECT pg_reload_conf()', admin);
    rmSync(certificates, { recursive: true });
  });

  const on = (host: string, parameters: Record<string, string>): string =>
    variant((parts) => {
      parts.hostname = host;
      for (const [name, value] of Object.entries(parameters)) parts.searchParams.set(name, value);
    });
  const encrypted = async (dataSource: DataSource): Promise<boolean> =>
    (await dataSource.query('SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'))[0].ssl;
  const authority = (name: string): string => join(certificates, `${name}.crt`);

  it.each<[string, string, () => Record<string, string>, boolean]>([
    ['no sslmode', '127.0.0.1', () => ({}), false],
    ['disable', '127.0.0.1', () => ({ sslmode: 'disable' }), false],
    ['require', '127.0.0.1', () => ({ sslmode: 'require' }), true],
    ['require with the authority', '127.0.0.1', () => ({ sslmode: 'require', sslrootcert: authority('server') }), true],
    ['verify-ca', '127.0.0.1', () => ({ sslmode: 'verify-ca', sslrootcert: authority('server') }), true],
    ['verify-full', 'localhost', () => ({ sslmode: 'verify-full', sslrootcert: authority('server') }), true],
  ])('%s connects, encrypted or not as it says', async (_name, host, parameters, ssl) => {
    const { dataSource } = await startConnected({ DATABASE_URL: on(host, parameters()) });

    expect(await encrypted(dataSource)).toBe(ssl);
  });

  it.each<[string, string, () => Record<string, string>, RegExp]>([
    ['verify-full of another host', '127.0.0.1', () => ({ sslrootcert: authority('server') }), /ERR_TLS_CERT_ALTNAME/],
    ['verify-full by another authority', 'localhost', () => ({ sslrootcert: authority('other') }), /CERT/],
    ['verify-full by the authorities Node knows', 'localhost', () => ({}), /CERT/],
  ])('%s is refused', async (_name, host, parameters, reason) => {
    const { logged, database } = await start({
      DATABASE_URL: on(host, { sslmode: 'verify-full', ...parameters() }),
    });

    await logged(reason);

    await expect(database.pendingMigrations(1_000)).rejects.toThrow('not connected');
  });

  it('is not given up for a server that has none', async () => {
    await query('ALTER SYSTEM SET ssl = off');
    await query('SELECT pg_reload_conf()');

    const { logged } = await start({ DATABASE_URL: on('127.0.0.1', { sslmode: 'require' }) });

    await logged('The server does not support SSL connections');
    await query('ALTER SYSTEM SET ssl = on');
    await query('SELECT pg_reload_conf()');
  });
});

function whyNoCertificates(): string | undefined {
  const { status } = spawnSync('openssl', ['version']);
  return status === 0 ? undefined : 'needs openssl';
}
