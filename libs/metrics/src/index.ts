export { MetricsModule } from './metrics.module.js';
export { MetricsStage } from './metrics.stage.js';
export { type HandlerOutcome, RequestMetricsInterceptor } from './request-metrics.interceptor.js';
