import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { AbstractLogger, type MigrationInterface, type QueryRunner } from 'typeorm';
import { loadConfig } from '#libs/config';
import { migrations } from '#migrations';
import { migrationDataSourceOptions } from '../libs/database/src/database.options.js';
import {
  MIGRATION_LOCK_KEY,
  MigrationDataSource,
  type MigrationPatience,
} from '../libs/database/src/migration-data-source.js';
import { startPostgres, type TestPostgres } from './support/embedded-postgres.js';
import { eventually } from './support/eventually.js';

const ROOT = join(import.meta.dirname, '..');
const NAMES = migrations.map(({ name }) => name);

let postgres: TestPostgres;
let url: string;
let database: pg.Client;
let opened: { destroy(): Promise<void>; isInitialized: boolean }[];
let children: ChildProcess[];

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);

afterAll(() => postgres?.remove());

beforeEach(async () => {
  url = await postgres.createDatabase();
  database = await connect();
  opened = [];
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(opened.filter(({ isInitialized }) => isInitialized).map((source) => source.destroy()));
  await database.end();
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

async function names(query: string): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(query);
  return rows.map(({ name }) => name);
}

const applied = (): Promise<string[]> => names('SELECT name FROM migrations ORDER BY id');
const tables = (): Promise<string[]> =>
  names(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`);
const heldLocks = (): Promise<string[]> => names(`SELECT pid AS name FROM pg_locks WHERE locktype = 'advisory'`);

/** Everything that makes up the schema, as text. */
async function schema(): Promise<string[]> {
  return await names(`
    SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) AS name
      FROM information_schema.columns WHERE table_schema = 'public'
    UNION SELECT concat_ws(' ', conname, pg_get_constraintdef(oid)) FROM pg_constraint
      WHERE connamespace = 'public'::regnamespace
    UNION SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1`);
}

const sessionWaitsForLock = async (): Promise<boolean> =>
  (
    await names(`SELECT pid AS name FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'hello-world' AND wait_event_type = 'Lock'`)
  ).length > 0;

/** Runs the TypeORM CLI on the build, as the Kubernetes Job does. */
function cli(command: string, environment: NodeJS.ProcessEnv = { DATABASE_URL: url }) {
  const child = spawn(
    process.execPath,
    ['node_modules/typeorm/cli.js', command, '-d', 'dist/libs/database/src/data-source.js'],
    { cwd: ROOT, env: environment, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  children.push(child);
  const ended = (async () => {
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    return { code: child.exitCode, output: stdout + stderr };
  })();
  return { child, ended };
}

/** A data source of the test's own process, with its own migrations and patience. */
async function open({
  extra = [],
  reports = [],
  lockTimeoutMs = 5_000,
  ...patience
}: Partial<MigrationPatience> & {
  extra?: (new () => MigrationInterface)[];
  reports?: string[];
  lockTimeoutMs?: number;
} = {}): Promise<MigrationDataSource> {
  const config = loadConfig({ DATABASE_URL: url, DATABASE_LOCK_TIMEOUT_MS: String(lockTimeoutMs) });
  const options = migrationDataSourceOptions(config.database, config.service.name);
  const dataSource = new MigrationDataSource(
    { ...options, migrations: [...migrations, ...extra], logger: new SilentLogger() },
    (message) => reports.push(message),
    { pollMs: 20, ...patience },
  );
  opened.push(dataSource);
  return await dataSource.initialize();
}

/** The failures here are wanted, and TypeORM prints them unless told where to. */
class SilentLogger extends AbstractLogger {
  protected override writeLog(): void {}
}

class AddNickname1899999999999 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('CREATE TABLE nicknames (id bigint)');
    await queryRunner.query('ALTER TABLE users ADD COLUMN nickname text');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE nicknames');
    await queryRunner.query('ALTER TABLE no_such_table ADD COLUMN broken text');
  }
}

class Broken1899999999999 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('CREATE TABLE half_done (id bigint)');
    await queryRunner.query('SELECT 1 / 0');
  }

  async down(): Promise<void> {}
}

describe('the TypeORM CLI', () => {
  it('applies each migration once when four processes race, and all of them succeed', async () => {
    const runs = await Promise.all([1, 2, 3, 4].map(() => cli('migration:run').ended));

    expect(runs.map(({ code, output }) => (code === 0 ? code : output))).toEqual([0, 0, 0, 0]);
    expect(runs.filter(({ output }) => output.includes('has been executed successfully'))).toHaveLength(1);
    expect(await applied()).toEqual(NAMES);
    expect(await heldLocks()).toEqual([]);
  });

  it('reverts the last migration only', async () => {
    await (await open()).runMigrations();

    const { code } = await cli('migration:revert').ended;

    expect(code).toBe(0);
    expect(await applied()).toEqual(NAMES.slice(0, -1));
    expect(await tables()).toEqual(['migrations', 'users']);
  });

  it('leaves nothing half done when it is killed inside a migration, and goes on at the next run', async () => {
    const rival = await connect();
    await rival.query('BEGIN; CREATE TABLE orders (a_table_of_this_name_blocks_the_migration int)');
    const { child, ended } = cli('migration:run', { DATABASE_URL: url, DATABASE_LOCK_TIMEOUT_MS: '60000' });
    await eventually('the migration waits for a lock', sessionWaitsForLock);

    child.kill('SIGKILL');
    await ended;
    await rival.query('ROLLBACK');
    await eventually('the lock is free', async () => (await heldLocks()).length === 0);

    expect(await applied()).toEqual(NAMES.slice(0, 1));
    expect(await tables()).toEqual(['migrations', 'users']);
    expect((await cli('migration:run').ended).code).toBe(0);
    expect(await applied()).toEqual(NAMES);
    await rival.end();
  });

  it('fails at once, in words without the password, when the password is wrong', async () => {
    const wrong = new URL(url);
    wrong.password = 'wr0ngpassw0rd';

    const { code, output } = await cli('migration:run', { DATABASE_URL: wrong.href }).ended;

    expect(code).toBe(1);
    expect(output).toContain(`cannot connect to the database at ${wrong.host}: authentication failed (28P01)`);
    expect(output).not.toContain(wrong.password);
  });

  it.each([
    ['there is no DATABASE_URL', {}, 'DATABASE_URL is not set'],
    ['the environment is bad', { DATABASE_URL: 'postgres://u:s3cret@h/d?sslmode=prefer' }, 'has an sslmode that'],
  ])('fails, saying so, when %s', async (_name, environment, message) => {
    const { code, output } = await cli('migration:run', environment).ended;

    expect(code).toBe(1);
    expect(output).toContain(message);
    expect(output).not.toContain('s3cret');
  });
});

describe('the migrations', () => {
  it('give the schema of the entities', async () => {
    const dataSource = await open();
    await dataSource.runMigrations();

    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();

    expect(upQueries.map(({ query }) => query)).toEqual([]);
  });

  it.each([
    'ALTER TABLE users DROP COLUMN name',
    'ALTER TABLE users ALTER COLUMN name DROP NOT NULL',
    'ALTER TABLE users ALTER COLUMN name TYPE varchar',
    'ALTER TABLE users ALTER COLUMN created_at DROP DEFAULT',
    'ALTER TABLE users DROP CONSTRAINT users_email_key',
    `ALTER TABLE orders ALTER COLUMN status SET DEFAULT 'old'`,
    'ALTER TABLE orders ALTER COLUMN amount_cents TYPE integer',
    'ALTER TABLE orders DROP CONSTRAINT orders_user_id_fkey',
    'DROP INDEX orders_user_id_idx',
  ])('would be seen to differ from them after %s', async (change) => {
    const dataSource = await open();
    await dataSource.runMigrations();

    await database.query(change);

    expect((await dataSource.driver.createSchemaBuilder().log()).upQueries).not.toEqual([]);
  });

  it('can each be undone, last one first, and applied again to the same schema', async () => {
    const dataSource = await open();
    const steps = [await schema()];
    await dataSource.runMigrations();
    const whole = await schema();

    for (const name of NAMES.toReversed()) {
      expect((await applied()).at(-1)).toBe(name);
      await dataSource.undoLastMigration();
      steps.push(await schema());
    }

    expect(await applied()).toEqual([]);
    expect(await tables()).toEqual(['migrations']);
    expect(new Set(steps.map(String)).size).toBe(steps.length);
    await dataSource.runMigrations();
    expect(await schema()).toEqual(whole);
  });

  it('let a user go with its orders, and no two users share an email', async () => {
    await (await open()).runMigrations();
    await database.query(`INSERT INTO users (email, name) VALUES ('a@b', 'Ada')`);
    await database.query('INSERT INTO orders (user_id, amount_cents) VALUES (1, 9007199254740993)');

    const { rows } = await database.query('SELECT status, amount_cents, created_at FROM orders');
    const again = database.query(`INSERT INTO users (email, name) VALUES ('a@b', 'Eve')`);

    expect(rows).toEqual([{ status: 'new', amount_cents: '9007199254740993', created_at: expect.any(Date) }]);
    await expect(again).rejects.toThrow(/users_email_key/);
    await database.query('DELETE FROM users');
    expect((await database.query('SELECT FROM orders')).rowCount).toBe(0);
  });
});

describe('a migration run', () => {
  it('leaves nothing of a migration that fails, keeps those before it, and frees the lock', async () => {
    const dataSource = await open({ extra: [Broken1899999999999] });

    await expect(dataSource.runMigrations()).rejects.toThrow(/division by zero/);

    expect(await applied()).toEqual(NAMES);
    expect(await tables()).not.toContain('half_done');
    expect(await heldLocks()).toEqual([]);
  });

  it('leaves a migration as it was when undoing it fails', async () => {
    const dataSource = await open({ extra: [AddNickname1899999999999] });
    await dataSource.runMigrations();

    await expect(dataSource.undoLastMigration()).rejects.toThrow(/no_such_table/);

    expect(await applied()).toHaveLength(3);
    expect(await tables()).toContain('nicknames');
    expect(await heldLocks()).toEqual([]);
  });

  it('gives up, touching nothing, when another run holds the lock for too long', async () => {
    await database.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK_KEY]);
    const reports: string[] = [];
    const dataSource = await open({ reports, lockMs: 200 });

    await expect(dataSource.runMigrations()).rejects.toThrow(
      /another migration run has held the lock for 0\.2 s .*; gave up/,
    );

    expect(reports).toEqual(['another migration run is under way; waiting for it, at most 0.2 s']);
    expect(await tables()).toEqual([]);
  });

  it('goes on as soon as the other run is over', async () => {
    await database.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK_KEY]);
    const reports: string[] = [];
    const run = (await open({ reports })).runMigrations();
    await eventually('the run says what it waits for', () => reports.length > 0);

    await database.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK_KEY]);

    expect(await run).toHaveLength(NAMES.length);
  });

  it('is rolled back and tried again when a table is locked, and in the end succeeds', async () => {
    await (await open()).runMigrations();
    await database.query('BEGIN; LOCK TABLE users IN ACCESS SHARE MODE');
    const reports: string[] = [];
    const dataSource = await open({ extra: [AddNickname1899999999999], reports, lockTimeoutMs: 50, pollMs: 200 });
    const run = dataSource.runMigrations();
    await eventually('the run says what it waits for', () => reports.length > 0);

    await database.query('ROLLBACK');

    expect(await run).toHaveLength(1);
    expect(reports[0]).toMatch(/did not get the lock of a table in time and was rolled back; trying again \(1 of 3\)/);
  });

  it('gives up, leaving nothing, when a table stays locked', async () => {
    await (await open()).runMigrations();
    const rival = await connect();
    await rival.query('BEGIN; LOCK TABLE users IN ACCESS SHARE MODE');
    const dataSource = await open({ extra: [AddNickname1899999999999], lockTimeoutMs: 20, lockTimeoutRetries: 2 });

    await expect(dataSource.runMigrations()).rejects.toThrow(/was rolled back, 3 times; gave up/);

    expect(await tables()).not.toContain('nicknames');
    expect(await heldLocks()).toEqual([]);
    await rival.end();
  });

  it('frees the lock when its session is cut off', async () => {
    await (await open()).runMigrations();
    const rival = await connect();
    await rival.query('BEGIN; LOCK TABLE users IN ACCESS SHARE MODE');
    const run = (await open({ extra: [AddNickname1899999999999], lockTimeoutMs: 60_000 })).runMigrations();
    const failed = expect(run).rejects.toThrow();
    await eventually('the migration waits for a lock', sessionWaitsForLock);

    await database.query(`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'`);

    await failed;
    expect(await heldLocks()).toEqual([]);
    expect(await tables()).not.toContain('nicknames');
    await rival.end();
  });

  it('has no statement timeout, whatever the role has', async () => {
    class Slow1899999999999 implements MigrationInterface {
      async up(queryRunner: QueryRunner): Promise<void> {
        await queryRunner.query('SELECT pg_sleep(0.2)');
      }

      async down(): Promise<void> {}
    }
    await database.query(`ALTER DATABASE ${database.database} SET statement_timeout = 100`);

    const run = (await open({ extra: [Slow1899999999999] })).runMigrations();

    await expect(run).resolves.toHaveLength(3);
  });
});

describe('a migration run without a server', () => {
  afterEach(() => postgres.start());

  it('waits for it', async () => {
    const reports: string[] = [];
    await database.end();
    await postgres.stop();
    const opening = open({ reports });
    await eventually('the run says what it waits for', () => reports.length > 0);

    await postgres.start();

    expect((await opening).isInitialized).toBe(true);
    expect(reports[0]).toMatch(/connection refused \(ECONNREFUSED\); waiting for it, at most 45 s/);
    database = await connect();
  });

  it('gives up in the end, saying where it looked', async () => {
    await database.end();
    await postgres.stop();

    await expect(open({ serverMs: 100 })).rejects.toThrow(
      /cannot connect to the database at 127\.0\.0\.1:\d+: connection refused.*gave up after 0\.1 s/,
    );

    await postgres.start();
    database = await connect();
  });

  it('gives up on one that accepts and never answers', async () => {
    await postgres.pause();

    await expect(open({ serverMs: 100 })).rejects.toThrow(/no answer in time; gave up/);

    await postgres.resume();
  });
});
