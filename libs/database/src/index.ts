export { DatabaseModule } from './database.module.js';
export { DatabaseConnection, type PoolStats } from './database-connection.service.js';
export { Order } from './entities/order.entity.js';
export { User } from './entities/user.entity.js';
export type { MigrationStatus } from './migration-status.js';
