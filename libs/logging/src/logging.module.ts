import { type DynamicModule, Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import type { Logger } from 'pino';
import { APP_CONFIG, type AppConfig } from '#libs/config';
import { AccessLogStage } from './access-log.stage.js';
import { ACCESS_LOGGER, LOG_SINK, type LogSink } from './logging.constants.js';
import { createAccessLogger } from './root-logger.js';

/** The loggers of the application, and the access log's stage. */
@Module({})
export class LoggingModule {
  /**
   * @param logger the root logger, already in use by Nest itself
   * @param sink what it writes to
   */
  static forRoot(logger: Logger, sink: LogSink): DynamicModule {
    return {
      module: LoggingModule,
      global: true,
      // No routes: its middleware would parse, bind and log each request at several times the cost of our own line.
      imports: [LoggerModule.forRoot({ pinoHttp: { logger }, forRoutes: [] })],
      providers: [
        AccessLogStage,
        { provide: LOG_SINK, useValue: sink },
        {
          provide: ACCESS_LOGGER,
          inject: [APP_CONFIG],
          useFactory: ({ service, logging }: AppConfig) => createAccessLogger(service, logging, sink),
        },
      ],
      exports: [AccessLogStage, LOG_SINK, LoggerModule],
    };
  }
}
