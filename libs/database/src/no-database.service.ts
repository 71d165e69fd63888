import { Injectable } from '@nestjs/common';
import { DatabaseConnection, type PoolStats } from './database-connection.js';
import type { MigrationStatus } from './migration-status.js';

/** Without a `DATABASE_URL`. */
@Injectable()
export class NoDatabase extends DatabaseConnection {
  override readonly enabled = false;

  override pendingMigrations(): Promise<MigrationStatus> {
    return Promise.reject(new Error('no database is configured'));
  }

  override poolStats(): PoolStats | undefined {
    return undefined;
  }
}
