import { type DynamicModule, Module } from '@nestjs/common';
import type { Logger } from 'pino';
import { AdminModule } from '#libs/admin';
import { type AppConfig, AppConfigModule } from '#libs/config';
import { DatabaseModule } from '#libs/database';
import { FlagsModule } from '#libs/flags';
import { HealthModule } from '#libs/health';
import { HttpPipelineModule } from '#libs/http';
import { LoggingModule, type LogSink } from '#libs/logging';
import { MetricsModule } from '#libs/metrics';
import { TelemetryModule } from '#libs/telemetry';
import { HelloModule } from './hello/hello.module.js';
import { requestPipeline } from './request-pipeline.js';

/** What exists before the container does, and goes into it. */
export interface AppModuleOptions {
  readonly config: AppConfig;
  readonly logger: Logger;
  readonly logSink: LogSink;
}

@Module({})
export class AppModule {
  static forRoot({ config, logger, logSink }: AppModuleOptions): DynamicModule {
    return {
      module: AppModule,
      imports: [
        AppConfigModule.forRoot(config),
        LoggingModule.forRoot({ logger, sink: logSink }),
        HttpPipelineModule.forRoot(requestPipeline),
        FlagsModule,
        TelemetryModule,
        DatabaseModule.forRoot(config.database),
        AdminModule.forRoot(config.admin),
        HealthModule,
        MetricsModule,
        HelloModule,
      ],
    };
  }
}
