export { DURATION_BUCKETS_SECONDS, LATENCY_OBJECTIVE_SECONDS } from './metrics.constants.js';
export { MetricsModule } from './metrics.module.js';
export { MetricsStage } from './metrics.stage.js';
export { type HandlerOutcome, RequestMetricsInterceptor } from './request-metrics.interceptor.js';
