import { Logger } from '@nestjs/common';
import { AbstractLogger, type LogLevel, type LogMessage } from 'typeorm';

/** Sends what TypeORM says to the application's log: progress of migrations and warnings, never a query's parameters. */
export class TypeOrmLogger extends AbstractLogger {
  private readonly logger = new Logger('TypeORM');

  constructor() {
    super(['schema', 'warn']);
  }

  protected override writeLog(
    level: LogLevel,
    message: LogMessage | string | number | (LogMessage | string | number)[],
  ) {
    const lines = [message].flat().map((line) => (typeof line === 'object' ? line.message : line));
    const text = lines.join(' ');
    if (level === 'warn' || level === 'error') this.logger.warn(text);
    else this.logger.log(text);
  }
}
