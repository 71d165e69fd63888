import { writeSync } from 'node:fs';
import type { ModuleMetadata } from '@nestjs/common';
import {
  type AppConfig,
  ConfigError,
  describeConfig,
  EXIT_CODE_BAD_CONFIG,
  identityOf,
  loadConfig,
} from '#libs/config';
import type { TerminationSignals } from './termination-signals.js';

const EXIT_CODE_FAILURE = 1;

type TestModules = NonNullable<ModuleMetadata['imports']>;

/**
 * The process: reads the configuration, builds the application, listens.
 *
 * @param args `--print-config` shows the configuration in force, secrets masked, and ends
 * @param testModules modules that only a test brings
 */
export async function run(
  args: readonly string[],
  signals: TerminationSignals,
  testModules: TestModules = [],
): Promise<void> {
  try {
    if (args.includes('--print-config')) writeSync(1, `${JSON.stringify(describeConfig(), undefined, 2)}\n`);
    else await serve(loadConfig(), signals, testModules);
  } catch (error) {
    if (error instanceof ConfigError) {
      writeFatal({ msg: 'configuration is invalid', problems: error.problems });
      process.exit(EXIT_CODE_BAD_CONFIG);
    }
    writeFatal({ msg: 'the service could not start', err: { stack: (error as Error | undefined)?.stack } });
    process.exit(EXIT_CODE_FAILURE);
  }
}

/** A last line where there is no logger yet. */
function writeFatal(line: Readonly<Record<string, unknown>>): void {
  writeSync(1, `${JSON.stringify({ level: 'fatal', time: new Date().toISOString(), ...identityOf(), ...line })}\n`);
}

async function serve(config: AppConfig, signals: TerminationSignals, testModules: TestModules): Promise<void> {
  const { createRootLogger, endOnCrash, openLogDestination } = await import('#libs/logging');
  const destination = await openLogDestination();
  const exit = (code: number): void => {
    process.exitCode = code;
    void destination.close().finally(() => process.exit(code));
  };
  const logger = createRootLogger(config.service, config.logging, destination);
  endOnCrash(logger, exit);
  signals.handle((signal) => {
    logger.info(`${signal} while starting: ending now`);
    exit(0);
  });

  try {
    const { createApp } = await import('./create-app.js');
    const { GracefulShutdown } = await import('#libs/http');
    const { app, listen } = await createApp({ config, logger, logSink: destination }, testModules);
    await listen();
    signals.handle((signal) => app.get(GracefulShutdown).onSignal(signal, app, config.shutdown, exit));
  } catch (error) {
    logger.fatal({ err: error }, `the service could not start: ${(error as Error).message}`);
    exit(EXIT_CODE_FAILURE);
  }
}
