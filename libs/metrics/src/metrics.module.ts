import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { PrometheusModule } from '@willsoto/nestjs-prometheus';
import { register } from 'prom-client';
import { FlagsModule } from '#libs/flags';
import { HealthModule } from '#libs/health';
import { TelemetryModule } from '#libs/telemetry';
import { databaseMetrics } from './database.metrics.js';
import { ExpositionModule } from './exposition.module.js';
import { FlagChanges } from './flag-changes.service.js';
import { flagsMetrics } from './flags.metrics.js';
import { healthMetrics } from './health.metrics.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsStage } from './metrics.stage.js';
import { prepareRegistry } from './prepare-registry.js';
import { processMetrics } from './process.metrics.js';
import { requestMetrics } from './request.metrics.js';
import { RequestMetricsInterceptor } from './request-metrics.interceptor.js';
import { telemetryMetrics } from './telemetry.metrics.js';

/**
 * Metrics for Prometheus: `GET /metrics`, and all series of the service, each in the `*.metrics.ts` named after what
 * it tells of. Needs the global modules of configuration, logging, database and the request pipeline.
 *
 * prom-client's registry belongs to the process: one application at a time.
 */
@Module({
  imports: [
    PrometheusModule.registerAsync({
      // Every metric depends on these options, so the registry is prepared before the first one exists.
      global: true,
      useFactory: () => {
        prepareRegistry();
        return { defaultMetrics: { enabled: false } };
      },
      controller: MetricsController,
      imports: [ExpositionModule],
    }),
    FlagsModule,
    HealthModule,
    TelemetryModule,
  ],
  providers: [
    ...requestMetrics,
    ...flagsMetrics,
    ...healthMetrics,
    ...databaseMetrics,
    ...telemetryMetrics,
    ...processMetrics,
    FlagChanges,
    MetricsStage,
    RequestMetricsInterceptor,
  ],
  // The interceptor is made anew in each module that binds it, and finds its metrics here.
  exports: [MetricsStage, RequestMetricsInterceptor, ...requestMetrics],
})
export class MetricsModule implements OnApplicationShutdown {
  onApplicationShutdown(): void {
    register.clear();
  }
}
