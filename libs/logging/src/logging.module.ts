import { ConfigurableModuleBuilder, Global, Module } from '@nestjs/common';
import { LoggerModule } from 'nestjs-pino';
import { AccessLogStage } from './access-log.stage.js';
import { LOG_SINK, LOGGING_OPTIONS, type LoggingOptions } from './logging.constants.js';

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<LoggingOptions>({
  optionsInjectionToken: LOGGING_OPTIONS,
})
  .setClassMethodName('forRoot')
  .build();

/** The logger of the application, and the access log's stage. `forRoot` takes {@link LoggingOptions}. */
@Global()
@Module({
  imports: [
    LoggerModule.forRootAsync({
      inject: [LOGGING_OPTIONS],
      // No routes: its middleware would parse, bind and log each request at several times the cost of our own line.
      useFactory: ({ logger }: LoggingOptions) => ({ pinoHttp: { logger }, forRoutes: [] }),
    }),
  ],
  providers: [
    AccessLogStage,
    { provide: LOG_SINK, inject: [LOGGING_OPTIONS], useFactory: ({ sink }: LoggingOptions) => sink },
  ],
  // `LoggerModule` finds the options by this, since this module is a global one.
  exports: [AccessLogStage, LOG_SINK, LOGGING_OPTIONS, LoggerModule],
})
export class LoggingModule extends ConfigurableModuleClass {}
