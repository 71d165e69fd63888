export { DatabaseProbe } from './database-probe.service.js';
export { HealthModule } from './health.module.js';
export { type Readiness, ReadinessService } from './readiness.service.js';
export type { ReadinessCheckName } from './readiness-check.js';
