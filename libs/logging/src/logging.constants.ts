import { Inject } from '@nestjs/common';

/** Token of the pino logger of access lines. */
export const ACCESS_LOGGER = Symbol('ACCESS_LOGGER');
export const InjectAccessLogger = (): ParameterDecorator & PropertyDecorator => Inject(ACCESS_LOGGER);

/** Token of the {@link LogSink} of this process. */
export const LOG_SINK = Symbol('LOG_SINK');
export const InjectLogSink = (): ParameterDecorator & PropertyDecorator => Inject(LOG_SINK);

/** What the loggers write to; standard output in a process, an array in a test. */
export interface LogSink {
  write(line: string): void;
  /** Lines lost since the start. */
  readonly droppedLines: number;
}
