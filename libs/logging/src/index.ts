export { AccessLogStage } from './access-log.stage.js';
export { endOnCrash } from './crash-log.js';
export { LOG_SINK, type LogSink } from './logging.constants.js';
export { LoggingModule } from './logging.module.js';
export { NestLogger } from './nest-logger.js';
export { openLogDestination } from './open-log-destination.js';
export { createRootLogger } from './root-logger.js';
