export type { SpanDropReason } from './bounded-span.processor.js';
export { TelemetryModule } from './telemetry.module.js';
export { injectTraceContext } from './trace-context.js';
export { TracingService } from './tracing.service.js';
export { TracingStage } from './tracing.stage.js';
