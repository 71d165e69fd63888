import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { QueryConfig } from 'pg';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import { backOffMs } from './back-off.js';
import { failureReason, isUndefinedTable } from './connection-failure.js';
import { migrationDataSourceOptions } from './database.options.js';
import { DatabaseConnection, type PoolStats } from './database-connection.js';
import { onNeededRestart } from './database-password.js';
import { MigrationDataSource } from './migration-data-source.js';
import { compareMigrations, type MigrationStatus } from './migration-status.js';
import { PostgresDataSource, retryOnceWhenRefused } from './postgres-data-source.js';
import { RepeatedWarning } from './repeated-warning.js';
import { TypeOrmLogger } from './typeorm.logger.js';

/** A lasting failure is said again this often. */
const FAILURE_LOG_INTERVAL_MS = 30_000;
/** How long the end of the process waits for an attempt to connect that is under way. */
const CLOSE_TIMEOUT_MS = 3_000;

/**
 * The service's way to Postgres. It connects in the background, so that the application listens at once and a
 * database that is late never restarts it; from then on the pool reconnects by itself.
 */
@Injectable()
export class PostgresConnection extends DatabaseConnection implements OnModuleInit, OnApplicationShutdown {
  override readonly enabled = true;
  private readonly logger = new Logger(DatabaseConnection.name);
  private readonly failures = new RepeatedWarning(this.logger, FAILURE_LOG_INTERVAL_MS);
  private readonly lostConnections = new RepeatedWarning(this.logger, FAILURE_LOG_INTERVAL_MS);
  private readonly newerMigrations = new RepeatedWarning(this.logger, Number.POSITIVE_INFINITY);
  private readonly closing = new AbortController();
  private connecting: Promise<void> = Promise.resolve();
  private stopWatchingUrl: () => void = () => undefined;
  private lastFailure: string | undefined;

  constructor(
    @InjectAppConfig() private readonly config: AppConfig,
    @InjectDataSource() private readonly dataSource: PostgresDataSource,
  ) {
    super();
  }

  onModuleInit(): void {
    const { url } = this.config.database;
    if (url === undefined) return;
    this.stopWatchingUrl = onNeededRestart(url, () =>
      this.logger.warn(`more than the password has changed in ${url.path}: this needs a restart to take effect`),
    );
    this.connecting = this.connect(this.closing.signal);
  }

  /** Gives up connecting; `@nestjs/typeorm` closes the pool. */
  async onApplicationShutdown(): Promise<void> {
    this.stopWatchingUrl();
    this.closing.abort();
    const closed = new AbortController();
    await Promise.race([this.connecting, delay(CLOSE_TIMEOUT_MS, closed.signal)]);
    closed.abort();
  }

  override async pendingMigrations(timeoutMs: number): Promise<MigrationStatus> {
    const status = compareMigrations(await this.appliedMigrations(timeoutMs));
    if (status.unknown.length > 0) {
      const names = status.unknown.join(', ');
      this.newerMigrations.warn(names, `the database has migrations of a newer release: ${names}; serving with them`);
    }
    return status;
  }

  override poolStats(): PoolStats | undefined {
    const { pool } = this.dataSource;
    if (pool === undefined) return undefined;
    const { totalCount, idleCount, waitingCount } = pool;
    return { idle: idleCount, busy: totalCount - idleCount, waiting: waitingCount };
  }

  private async connect(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      try {
        if (this.config.database.migrateOnStart) await this.migrate(signal);
        await this.open(signal);
        return;
      } catch (error) {
        if (!signal.aborted) await this.waitAfterFailure(error, attempt, signal);
      }
    }
  }

  private async migrate(signal: AbortSignal): Promise<void> {
    const { database, service } = this.config;
    const options = { ...migrationDataSourceOptions(database, service.name), logger: new TypeOrmLogger() };
    // This loop already waits for the server.
    const migrator = new MigrationDataSource(options, (message) => this.logger.warn(message), { serverMs: 0 });
    await migrator.initialize();
    const abort = (): void => void migrator.destroy().catch(() => undefined);
    signal.addEventListener('abort', abort, { once: true });
    try {
      if (!signal.aborted) await migrator.runMigrations();
    } finally {
      signal.removeEventListener('abort', abort);
      if (migrator.isInitialized && !signal.aborted) await migrator.destroy();
    }
  }

  private async open(signal: AbortSignal): Promise<void> {
    await this.dataSource.initialize();
    if (signal.aborted) {
      await this.dataSource.destroy();
      return;
    }
    this.dataSource.pool?.on('error', (error) => {
      const reason = failureReason(error);
      // One death of a server breaks each connection in its own way.
      this.lostConnections.warn(
        'lost',
        `an idle connection to ${this.dataSource.address} is lost: ${reason}; the next query opens another`,
      );
    });
    this.lastFailure = undefined;
    this.failures.clear();
    this.logger.log(`connected to the database at ${this.dataSource.address}`);
  }

  private async waitAfterFailure(error: unknown, attempt: number, signal: AbortSignal): Promise<void> {
    const delayMs = backOffMs(attempt);
    this.lastFailure = failureReason(error);
    const next = `attempt ${attempt + 1} follows in ${Math.round(delayMs)} ms`;
    this.failures.warn(
      this.lastFailure,
      `cannot use the database at ${this.dataSource.address}: ${this.lastFailure}; ${next}`,
    );
    await delay(delayMs, signal);
  }

  private async appliedMigrations(timeoutMs: number): Promise<string[]> {
    try {
      const rows = await this.query<{ name: string }>('SELECT name FROM migrations', timeoutMs);
      return rows.map(({ name }) => name);
    } catch (error) {
      if (isUndefinedTable((error as Error).cause)) return [];
      throw error;
    }
  }

  /** Asks past TypeORM: only `pg` itself bounds a single query and drops a connection that does not answer it. */
  private async query<Row extends object>(text: string, timeoutMs: number): Promise<Row[]> {
    const { isInitialized, pool } = this.dataSource;
    if (!isInitialized || pool === undefined) {
      throw new Error(this.lastFailure === undefined ? 'not connected yet' : `not connected: ${this.lastFailure}`);
    }
    const query: QueryConfig & { query_timeout: number } = { text, query_timeout: timeoutMs };
    const timer = new AbortController();
    try {
      const result = await Promise.race([
        retryOnceWhenRefused(() => pool.query<Row>(query)),
        // `query_timeout` does not count the wait for a free connection.
        delay(timeoutMs, timer.signal),
      ]);
      if (result === undefined) throw new Error('timeout');
      this.answered();
      return result.rows;
    } catch (error) {
      if (isUndefinedTable(error)) this.answered();
      else this.unanswered(failureReason(error));
      throw new Error(failureReason(error), { cause: error });
    } finally {
      timer.abort();
    }
  }

  private unanswered(reason: string): void {
    this.lastFailure = reason;
    this.failures.warn(
      reason,
      `no answer from the database at ${this.dataSource.address}: ${reason}; the next check tries again`,
    );
  }

  private answered(): void {
    if (this.lastFailure === undefined) return;
    this.lastFailure = undefined;
    this.failures.clear();
    this.lostConnections.clear();
    this.logger.log(`the database at ${this.dataSource.address} answers again`);
  }
}

/** Ends after the time, or with the signal. */
async function delay(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    // Aborted: nobody waits any more.
  }
}
