import { writeSync } from 'node:fs';
import { type AppConfig, ConfigError, describeConfig, EXIT_CODE_BAD_CONFIG, loadConfig } from '#libs/config';

const EXIT_CODE_FAILURE = 1;

/**
 * The process: reads the configuration, builds the application, listens.
 *
 * @param args `--print-config` shows the configuration in force, secrets masked, and ends
 */
export async function run(args: readonly string[]): Promise<void> {
  try {
    if (args.includes('--print-config')) writeSync(1, `${JSON.stringify(describeConfig(), undefined, 2)}\n`);
    else await serve(loadConfig());
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const line = {
      level: 'fatal',
      time: new Date().toISOString(),
      msg: 'configuration is invalid',
      problems: error.problems,
    };
    writeSync(1, `${JSON.stringify(line)}\n`);
    process.exit(EXIT_CODE_BAD_CONFIG);
  }
}

async function serve(config: AppConfig): Promise<void> {
  const { createRootLogger, endOnCrash, openLogDestination } = await import('#libs/logging');
  const destination = await openLogDestination();
  const exit = (code: number): void => void destination.flush().finally(() => process.exit(code));
  const logger = createRootLogger(config.service, config.logging, destination);
  endOnCrash(logger, exit);

  try {
    const { createApp } = await import('./create-app.js');
    const { GracefulShutdown } = await import('#libs/http');
    const { app, listen } = await createApp(config, destination);
    app.get(GracefulShutdown).listen(app, config.shutdown, exit);
    await listen();
  } catch (error) {
    logger.fatal({ err: error }, 'the service could not start');
    exit(EXIT_CODE_FAILURE);
  }
}
