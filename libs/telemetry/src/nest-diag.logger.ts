import type { LoggerService } from '@nestjs/common';
import type { DiagLogger } from '@opentelemetry/api';
import { LogThrottle } from './log-throttle.js';
import { badValueOf } from './otel-environment.js';

const MAX_MESSAGE_LENGTH = 300;
const QUOTED = /(?<!\w)(["'`])(?:\\.|(?!\1).)*\1/g;
const ENVIRONMENT_KEY = /\bOTEL_[A-Z_]+\b/;

/**
 * Brings what OpenTelemetry has to complain of into the service's log, each complaint once a minute. Only the text
 * is taken over: the further arguments may be responses, spans or headers. What the text quotes is left out, and of a
 * complaint about a key of the environment nothing but the key is told: the library would print the value.
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
    const unquoted = firstLine.replace(QUOTED, '…').slice(0, MAX_MESSAGE_LENGTH);
    const [key] = ENVIRONMENT_KEY.exec(unquoted) ?? [];
    const text = key === undefined ? unquoted : badValueOf(key);
    if (this.throttle.allows(text)) this.logger.warn(`OpenTelemetry: ${text}`);
  }
}
