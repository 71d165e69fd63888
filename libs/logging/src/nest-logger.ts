import { Logger, PinoLogger } from 'nestjs-pino';
import type { Logger as Pino } from 'pino';

/** Nest tells of each module and route it wires: worth a line to whoever debugs a start, to nobody else. */
const WIRING_CONTEXTS = new Set(['InstanceLoader', 'NestFactory', 'RouterExplorer', 'RoutesResolver']);

/** The logger Nest writes to from its first line on, before there is a container to take one from. */
export class NestLogger extends Logger {
  constructor(logger: Pino) {
    super(new PinoLogger({ pinoHttp: { logger } }), {});
  }

  override log(message: unknown, ...optionalParams: unknown[]): void {
    if (WIRING_CONTEXTS.has(String(optionalParams.at(-1)))) this.debug(message, ...optionalParams);
    else super.log(message, ...optionalParams);
  }
}
