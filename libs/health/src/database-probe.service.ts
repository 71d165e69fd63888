import { Injectable } from '@nestjs/common';
import { DatabaseConnection, type MigrationStatus } from '#libs/database';
import { DATABASE_CACHE_MS, DATABASE_TIMEOUT_MS } from './health.constants.js';

/**
 * Asks the database one question that answers two: whether it is there, and which migrations it has. Probes that
 * come while it is being asked, or within a second after, share the answer.
 */
@Injectable()
export class DatabaseProbe {
  /** Migrations pending at the last answer; `undefined` before the first. */
  lastPending: number | undefined;
  private answer: Promise<MigrationStatus> | undefined;
  private freshUntil = 0;

  constructor(private readonly database: DatabaseConnection) {}

  get enabled(): boolean {
    return this.database.enabled;
  }

  /**
   * @throws Error with a short reason, within {@link DATABASE_TIMEOUT_MS} even when the database hangs
   */
  async ask(): Promise<MigrationStatus> {
    if (this.answer === undefined || performance.now() >= this.freshUntil) {
      // Until it has answered no second question is asked, however long that takes.
      this.freshUntil = Number.POSITIVE_INFINITY;
      this.answer = this.database.pendingMigrations(DATABASE_TIMEOUT_MS).finally(() => {
        this.freshUntil = performance.now() + DATABASE_CACHE_MS;
      });
    }
    const status = await this.answer;
    this.lastPending = status.pending.length;
    return status;
  }
}
