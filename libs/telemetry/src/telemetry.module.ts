import { Module } from '@nestjs/common';
import { TracingService } from './tracing.service.js';
import { TracingStage } from './tracing.stage.js';

/** Traces by OpenTelemetry. Needs the configuration, and {@link TracingStage} in the request pipeline. */
@Module({
  providers: [TracingService, TracingStage],
  exports: [TracingService, TracingStage],
})
export class TelemetryModule {}
