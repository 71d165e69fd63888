import { type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import type { LoggingConfig, ServiceConfig } from '#libs/config';
import { currentRequest } from '#libs/http';

/** Keys whose values never reach a log line, wherever in the first two levels of an object they stand. */
const SECRET_KEYS = [
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'password',
  'secret',
  'token',
  'ADMIN_TOKEN',
  'DATABASE_URL',
];

function options({ name, version, environment }: ServiceConfig, { level }: LoggingConfig): LoggerOptions {
  return {
    level,
    base: { service: name, version, environment },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
}

/**
 * The logger of the application: every line written inside a request carries that request's ids.
 */
export function createRootLogger(
  service: ServiceConfig,
  logging: LoggingConfig,
  destination: DestinationStream,
): Logger {
  return pino(
    {
      ...options(service, logging),
      redact: {
        paths: SECRET_KEYS.flatMap((key) => [`["${key}"]`, `*["${key}"]`, `*.*["${key}"]`]),
        censor: '[redacted]',
      },
      mixin: () => {
        const request = currentRequest();
        return request ? { request_id: request.requestId, trace_id: request.traceId, span_id: request.spanId } : {};
      },
    },
    destination,
  );
}

/** The logger of access lines, which bring the request's ids themselves: once a request, so nothing else is done. */
export function createAccessLogger(
  service: ServiceConfig,
  logging: LoggingConfig,
  destination: DestinationStream,
): Logger {
  return pino(options(service, logging), destination);
}
