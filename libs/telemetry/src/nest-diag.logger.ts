import type { LoggerService } from '@nestjs/common';
import type { DiagLogger } from '@opentelemetry/api';
import { LogThrottle } from './log-throttle.js';

const MAX_MESSAGE_LENGTH = 300;

/**
 * Brings what OpenTelemetry has to complain of into the service's log, each complaint once a minute. Only the text
 * is taken over: the further arguments may be responses, spans or headers.
 */
export class NestDiagLogger implements DiagLogger {
  private readonly throttle = new LogThrottle();

  constructor(private readonly logger: Pick<LoggerService, 'warn'>) {}

  error(message: string): void {
    this.complain(message);
  }

  warn(message: string): void {
    this.complain(message);
  }

  info(): void {}

  debug(): void {}

  verbose(): void {}

  private complain(message: string): void {
    const [firstLine = ''] = message.split('\n', 1);
    const text = firstLine.slice(0, MAX_MESSAGE_LENGTH);
    if (this.throttle.allows(text)) this.logger.warn(`OpenTelemetry: ${text}`);
  }
}
