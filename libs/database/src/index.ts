export { DatabaseModule } from './database.module.js';
export { DatabaseConnection, type PoolStats } from './database-connection.js';
export type { MigrationStatus } from './migration-status.js';
