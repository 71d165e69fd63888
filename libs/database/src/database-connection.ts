import type { MigrationStatus } from './migration-status.js';

/** Connections of the pool, by what they are at; `waiting` counts the callers that wait for one. */
export interface PoolStats {
  readonly idle: number;
  readonly busy: number;
  readonly waiting: number;
}

/** What the service knows of its database: the token by which it is injected, whether there is one or not. */
export abstract class DatabaseConnection {
  /** Whether a database is configured at all. */
  abstract readonly enabled: boolean;

  /**
   * Compares the migrations applied to the database with those of this build, by one reading query. Those only
   * the database knows come from a newer release, which is no reason to be unready: one warning says so.
   *
   * @param timeoutMs how long to wait for the answer, in milliseconds: a server that hangs never answers.
   * @throws Error whose message is a short reason that tells nothing of the inside.
   */
  abstract pendingMigrations(timeoutMs: number): Promise<MigrationStatus>;

  /** `undefined` while there is no pool: no database, or not connected yet. */
  abstract poolStats(): PoolStats | undefined;
}
