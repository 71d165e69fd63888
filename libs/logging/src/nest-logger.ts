import { Logger, PinoLogger } from 'nestjs-pino';
import type { Logger as Pino } from 'pino';

/** Nest tells of each module and route it wires: worth a line to whoever debugs a start, to nobody else. */
const WIRING_CONTEXTS = new Set(['InstanceLoader', 'NestFactory', 'RouterExplorer', 'RoutesResolver']);

/** nestjs-pino keeps the first root logger of the process for ever; an application writes to its own. */
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
