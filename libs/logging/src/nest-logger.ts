import { Logger, PinoLogger } from 'nestjs-pino';
import type { Logger as Pino } from 'pino';

/**
 * Nest tells of each module and route it wires, and of a start that succeeded before anything listens: worth a line
 * to whoever debugs a start, to nobody else.
 */
const WIRING_CONTEXTS = new Set([
  'InstanceLoader',
  'NestApplication',
  'NestFactory',
  'RouterExplorer',
  'RoutesResolver',
]);

/**
 * nestjs-pino keeps the first root logger of the process for ever (https://github.com/iamolegga/nestjs-pino/issues/2221):
 * a second application, as tests make them, would write to the log of the first. This may go when each
 * `LoggerModule` has a root logger of its own.
 */
class RootPinoLogger extends PinoLogger {
  constructor(private readonly root: Pino) {
    super({ pinoHttp: { logger: root } });
  }

  override get logger(): Pino {
    return this.root;
  }
}

/** The logger Nest writes to from its first line on, before there is a container to take one from. */
export class NestLogger extends Logger {
  constructor(logger: Pino) {
    super(new RootPinoLogger(logger), {});
  }

  override log(message: unknown, ...optionalParams: unknown[]): void {
    if (WIRING_CONTEXTS.has(String(optionalParams.at(-1)))) this.debug(message, ...optionalParams);
    else super.log(message, ...optionalParams);
  }
}
