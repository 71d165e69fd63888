import { setTimeout as sleep } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { type Migration, MigrationExecutor, type QueryRunner } from 'typeorm';
import { failureReason, isLockTimeout, isServerAbsent } from './connection-failure.js';
import type { PostgresDataSourceOptions } from './database.options.js';
import { PostgresDataSource } from './postgres-data-source.js';

/**
 * Key of the Postgres advisory lock that a migration run holds: `hello` in ASCII. It is a lock of one database, so
 * services with a database each do not meet. Who holds it: `SELECT pid FROM pg_locks WHERE locktype = 'advisory'`.
 */
export const MIGRATION_LOCK_KEY = 0x68_65_6c_6c_6f;

/** How patient a migration run is. Durations in milliseconds. */
export interface MigrationPatience {
  /** Longest wait for a server that is not there yet. */
  readonly serverMs: number;
  /** Longest wait for another run to end. */
  readonly lockMs: number;
  /** How often the two are asked for. */
  readonly pollMs: number;
  /** How often a statement is tried again that did not get its table's lock within `lock_timeout`. */
  readonly lockTimeoutRetries: number;
}

const DEFAULT_PATIENCE: MigrationPatience = { serverMs: 45_000, lockMs: 60_000, pollMs: 500, lockTimeoutRetries: 3 };

type MigrationRunOptions = Parameters<PostgresDataSource['runMigrations']>[0];

/**
 * The one data source that applies and reverts migrations: safe to race, whoever runs it — the TypeORM CLI, the service
 * at its start, a Kubernetes Job — because all of it is inside.
 *
 * - `initialize` waits for the server.
 * - `runMigrations` and `undoLastMigration` hold an advisory lock on the very session that migrates: if that session dies,
 *   Postgres rolls back and frees the lock in one go. A migration is one transaction, its entry in the table
 *   `migrations` included.
 * - A migration that loses the race for a table's lock (`lock_timeout`) is rolled back and tried again. A migration with
 *   `transaction = false` must therefore be one that can be repeated.
 */
export class MigrationDataSource extends PostgresDataSource {
  private readonly patience: MigrationPatience;

  /**
   * @param report is told, in a sentence, what the run waits for.
   */
  constructor(
    options: PostgresDataSourceOptions,
    private readonly report: (message: string) => void = (message) => void process.stderr.write(`${message}\n`),
    patience: Partial<MigrationPatience> = {},
  ) {
    super(options);
    this.patience = { ...DEFAULT_PATIENCE, ...patience };
  }

  /** @throws Error saying where the server was looked for and why it could not be used. */
  override async initialize(): Promise<this> {
    const { serverMs, pollMs } = this.patience;
    const deadline = performance.now() + serverMs;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await super.initialize();
      } catch (error) {
        const problem = `cannot connect to the database at ${this.address}: ${failureReason(error)}`;
        if (!isServerAbsent(error)) throw new Error(`${problem}; no migration was touched`, { cause: error });
        if (performance.now() + pollMs > deadline) {
          throw new Error(`${problem}; gave up after ${serverMs / 1_000} s, no migration was touched`, {
            cause: error,
          });
        }
        if (attempt === 1) this.report(`${problem}; waiting for it, at most ${serverMs / 1_000} s`);
        await sleep(pollMs);
      }
    }
  }

  override async runMigrations(options?: MigrationRunOptions): Promise<Migration[]> {
    return await this.exclusively(options, (executor) => executor.executePendingMigrations());
  }

  override async undoLastMigration(options?: MigrationRunOptions): Promise<void> {
    await this.exclusively(options, (executor) => executor.undoLastMigration());
  }

  private async exclusively<T>(
    options: MigrationRunOptions,
    work: (executor: MigrationExecutor) => Promise<T>,
  ): Promise<T> {
    const session = this.createQueryRunner();
    const client: PoolClient = await session.connect();
    try {
      // The role or the database may set one.
      await client.query('SET statement_timeout = 0');
      await this.lock(client);
      const executor = new MigrationExecutor(this, session);
      executor.transaction = options?.transaction ?? 'each';
      executor.fake = options?.fake ?? false;
      return await this.retryLockTimeouts(() => work(executor));
    } finally {
      await unlock(session, client);
    }
  }

  /**
   * Asks again and again instead of waiting inside `pg_advisory_lock`: a waiting statement holds a snapshot, and
   * `CREATE INDEX CONCURRENTLY` in the run that has the lock would wait for that snapshot for ever.
   */
  private async lock(client: PoolClient): Promise<void> {
    const { lockMs, pollMs } = this.patience;
    const deadline = performance.now() + lockMs;
    for (let attempt = 1; ; attempt += 1) {
      const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1) AS locked', [
        MIGRATION_LOCK_KEY,
      ]);
      if (rows[0]?.locked) return;
      if (performance.now() + pollMs > deadline) {
        throw new Error(
          `another migration run has held the lock for ${lockMs / 1_000} s ` +
            `(advisory lock ${MIGRATION_LOCK_KEY}, see pg_locks); gave up, no migration was touched`,
        );
      }
      if (attempt === 1) this.report(`another migration run is under way; waiting for it, at most ${lockMs / 1_000} s`);
      await sleep(pollMs);
    }
  }

  private async retryLockTimeouts<T>(work: () => Promise<T>): Promise<T> {
    const { lockTimeoutRetries, pollMs } = this.patience;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        if (!isLockTimeout(error)) throw error;
        const problem = 'a migration did not get the lock of a table in time and was rolled back';
        if (attempt === lockTimeoutRetries) {
          throw new Error(`${problem}, ${attempt + 1} times; gave up`, { cause: error });
        }
        this.report(`${problem}; trying again (${attempt + 1} of ${lockTimeoutRetries})`);
        await sleep(pollMs * 2 ** attempt);
      }
    }
  }
}

/** Frees the lock; a session that cannot even say so is closed, which frees it as well. */
async function unlock(session: QueryRunner, client: PoolClient): Promise<void> {
  try {
    await client.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK_KEY]);
  } catch {
    void client.end();
  }
  await session.release();
}
