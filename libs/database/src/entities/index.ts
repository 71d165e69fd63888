export { Order } from './order.entity.js';
export { User } from './user.entity.js';
