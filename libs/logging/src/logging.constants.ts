import { Inject } from '@nestjs/common';
import type { Logger } from 'pino';

/** Token of the {@link LogSink} of this process. */
export const LOG_SINK = Symbol('LOG_SINK');
export const InjectLogSink = (): ParameterDecorator & PropertyDecorator => Inject(LOG_SINK);

/** Token of the {@link LoggingOptions}, for the modules that logging is made of. */
export const LOGGING_OPTIONS = Symbol('LOGGING_OPTIONS');

/** What exists before the container does. */
export interface LoggingOptions {
  /** The root logger, already in use by Nest itself. */
  readonly logger: Logger;
  /** What it writes to. */
  readonly sink: LogSink;
}

/** What the loggers write to; standard output in a process, an array in a test. */
export interface LogSink {
  write(line: string): void;
  /** Lines lost since the start. */
  readonly droppedLines: number;
}
