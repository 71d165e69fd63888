import { type Bindings, type DestinationStream, type Logger, type LoggerOptions, pino } from 'pino';
import type { LoggingConfig, ServiceConfig } from '#libs/config';
import { currentRequest } from '#libs/http';
import { describeError } from './error-description.js';
import { withoutSecrets } from './secrets.js';

type LogMethodHook = NonNullable<NonNullable<LoggerOptions['hooks']>['logMethod']>;

const withLevelName = (label: string): { level: string } => ({ level: label });

/**
 * The logger of the application: every line written inside a request carries that request's ids, and none shows a
 * secret (by the name of its key), or of an error more than {@link ErrorDescription} has.
 */
export function createRootLogger(
  { name, version, environment }: ServiceConfig,
  { level }: LoggingConfig,
  destination: DestinationStream,
): Logger {
  const logger = pino(
    {
      level,
      base: { service: name, version, environment },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: withLevelName, log: withoutSecrets },
      // By then an error is described; pino's own serializer would copy what it has besides.
      serializers: { err: (described: unknown) => described },
      hooks: { logMethod: withMessageOfError },
      mixin: () => {
        const request = currentRequest();
        return request ? { request_id: request.requestId, trace_id: request.traceId, span_id: request.spanId } : {};
      },
    },
    destination,
  );
  // pino asks a formatter for the bindings of the root only, not for those of its children.
  const child = Reflect.get(logger, 'child') as unknown as (...args: unknown[]) => Logger;
  return Object.assign(logger, {
    child(this: Logger, bindings: Bindings, ...rest: unknown[]): Logger {
      return Reflect.apply(child, this, [withoutSecrets(bindings), ...rest]);
    },
  });
}

/** An error that is logged without words of its own: pino would take its message as it is. */
const withMessageOfError: LogMethodHook = function (args, method) {
  const [first, message] = args as [unknown, unknown];
  if (message === undefined && typeof first === 'object' && first !== null) {
    const { err, msg } = first as { readonly err?: unknown; readonly msg?: unknown };
    const error = first instanceof Error ? first : err;
    if (error instanceof Error && msg === undefined) {
      method.apply(this, [first, describeError(error).message]);
      return;
    }
  }
  method.apply(this, args);
};
