import type { Logger } from 'pino';

/** Exit code of a process that met an error nobody caught. */
const EXIT_CODE_CRASH = 1;

/**
 * An error that nobody caught is logged as the JSON line it deserves, and ends the process: its state is unknown.
 *
 * @param exit writes out what is buffered, bounded in time, then ends the process
 */
export function endOnCrash(logger: Logger, exit: (code: number) => void): void {
  let crashed = false;
  const onCrash = (error: unknown, origin: string): void => {
    // What fails while the last lines are written fails because of the first.
    if (crashed) return;
    crashed = true;
    logger.fatal({ err: error, origin }, 'nobody caught this error: ending now');
    exit(EXIT_CODE_CRASH);
  };
  process.on('uncaughtException', onCrash);
  // A listener of its own: without one Node would name the rejection, not its reason, as the uncaught error.
  process.on('unhandledRejection', (reason) => onCrash(reason, 'unhandledRejection'));
}
