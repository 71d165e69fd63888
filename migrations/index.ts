import { CreateUsers1762300800000 } from './1762300800000-create-users.js';
import { CreateOrders1762300860000 } from './1762300860000-create-orders.js';

/**
 * All migrations, oldest first.
 *
 * The class name is what the database remembers: it ends in the timestamp, and never changes once released.
 */
export const migrations = [CreateUsers1762300800000, CreateOrders1762300860000];
