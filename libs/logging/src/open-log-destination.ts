import { isatty } from 'node:tty';
import { type LineFormat, LogDestination } from './log-destination.js';

const STANDARD_OUTPUT = 1;

/**
 * Standard output: JSON lines, or lines for people where that is a terminal and `pino-pretty` is installed.
 */
export async function openLogDestination(): Promise<LogDestination> {
  // Node makes a pipe non-blocking when it opens its own stream on it. A write that blocks, because nobody reads,
  // would hold a thread, and process.exit() waits for its threads: the process could not end.
  void process.stdout;
  return new LogDestination(STANDARD_OUTPUT, isatty(STANDARD_OUTPUT) ? await prettyFormat() : undefined);
}

/** A production install has no `pino-pretty`: a terminal then shows JSON like everything else. */
async function prettyFormat(): Promise<LineFormat | undefined> {
  try {
    const { prettyFactory } = await import('pino-pretty');
    return prettyFactory({
      colorize: true,
      singleLine: true,
      translateTime: 'SYS:HH:MM:ss.l',
      ignore: 'service,version,environment',
    });
  } catch {
    return undefined;
  }
}
