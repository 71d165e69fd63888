import type { DataSourceOptions } from 'typeorm';
import { type DatabaseConfig, parseDatabaseUrl } from '#libs/config';
import { migrations } from '#migrations';
import { createPasswordReader } from './database-password.js';
import { Order, User } from './entities/index.js';

/** TypeORM's options for Postgres. */
export type PostgresDataSourceOptions = Extract<DataSourceOptions, { type: 'postgres' }>;

/** An idle connection is closed after this; the next query opens another. */
const IDLE_TIMEOUT_MS = 30_000;
/** The kernel asks after an idle peer from then on, so that a vanished server is noticed. */
const KEEP_ALIVE_INITIAL_DELAY_MS = 10_000;
/** A server that does not even report its own statement timeout is given up this much later. */
const UNANSWERED_QUERY_GRACE_MS = 1_000;
/** One connection holds the lock and migrates; a migration may open another one. */
const MIGRATION_POOL_MAX = 2;

/**
 * Options of the service's own connections. It knows no migrations: only a `MigrationDataSource` can apply them.
 *
 * Without a `DATABASE_URL` they describe a data source that is never initialized.
 *
 * @throws DatabaseUrlError when the URL cannot be used.
 */
export function serviceDataSourceOptions(database: DatabaseConfig, serviceName: string): PostgresDataSourceOptions {
  const { statementTimeoutMs } = database;
  return {
    ...commonOptions(database, serviceName),
    poolSize: database.poolMax,
    extra: {
      ...sessionOptions(database),
      statement_timeout: statementTimeoutMs,
      // Kept by the client: it also ends the wait for a server that no longer answers at all.
      query_timeout: statementTimeoutMs + UNANSWERED_QUERY_GRACE_MS,
    },
  };
}

/**
 * Options of a migration run: no statement timeout, but a bound on waiting for a table's lock, because every query
 * behind a waiting `ALTER TABLE` waits as well. `DATABASE_URL` must lead to the server itself, not to a
 * pooler that shares sessions: the migration lock belongs to the session.
 *
 * @throws DatabaseUrlError when the URL cannot be used.
 */
export function migrationDataSourceOptions(database: DatabaseConfig, serviceName: string): PostgresDataSourceOptions {
  return {
    ...commonOptions(database, serviceName),
    migrations,
    migrationsTransactionMode: 'each',
    poolSize: MIGRATION_POOL_MAX,
    extra: { ...sessionOptions(database), lock_timeout: database.lockTimeoutMs },
  };
}

function commonOptions({ url, connectTimeoutMs }: DatabaseConfig, serviceName: string) {
  const common = {
    type: 'postgres' as const,
    entities: [User, Order],
    applicationName: serviceName,
    connectTimeoutMS: connectTimeoutMs,
    // TypeORM would run CREATE EXTENSION at each start; the service's role needs no DDL.
    installExtensions: false,
    // An idle connection that breaks must not end the process; `DatabaseConnection` says it in the log.
    poolErrorHandler: () => undefined,
  };
  if (url === undefined) return common;
  const { host, port, user, database, ssl } = parseDatabaseUrl(url.reveal());
  return {
    ...common,
    host,
    port,
    ssl,
    password: createPasswordReader(url),
    ...(user === undefined ? {} : { username: user }),
    ...(database === undefined ? {} : { database }),
  };
}

function sessionOptions({ url }: DatabaseConfig) {
  return {
    ...(url === undefined ? {} : parseDatabaseUrl(url.reveal()).parameters),
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_INITIAL_DELAY_MS,
  };
}
