import { once } from 'node:events';
import { pino } from 'pino';
import { UnwrittenLines } from './unwritten-lines.js';

/** Lines are written together once they fill this many bytes, or once the timer finds some waiting. */
const BATCH_BYTES = 4_096;
const FLUSH_INTERVAL_MS = 250;
/** Beyond this a reader that does not keep up loses lines: the service never waits for it and never grows for it. */
const BUFFER_LIMIT_BYTES = 8 * 1024 * 1024;
/** Longest an exit waits for the reader to take the last lines. */
const FINAL_FLUSH_TIMEOUT_MS = 1_000;

/** Turns one JSON line into what is written. */
export type LineFormat = (line: string) => string;

/**
 * Where log lines go: a file descriptor, buffered. A reader that is slow or gone never slows a request; the lines
 * it does not take are counted.
 */
export class LogDestination {
  private readonly stream: ReturnType<typeof pino.destination>;
  private readonly unwritten = new UnwrittenLines();
  private dropped = 0;
  private closed = false;
  private closing: Promise<void> | undefined;

  /** @param fd file descriptor, 1 for standard output; any other one is closed in the end */
  constructor(
    fd: number,
    private readonly format?: LineFormat,
  ) {
    // Writing synchronously would stop the whole process for as long as nobody reads the pipe.
    this.stream = pino.destination({
      fd,
      sync: false,
      minLength: BATCH_BYTES,
      maxLength: BUFFER_LIMIT_BYTES,
      periodicFlush: FLUSH_INTERVAL_MS,
    });
    this.stream.on('drop', () => {
      this.dropped++;
      this.unwritten.removeLast();
    });
    this.stream.on('write', (bytes: number) => this.unwritten.wrote(bytes));
    this.stream.on('error', (error: NodeJS.ErrnoException) => {
      // There is nowhere left to say so, and no use in trying. Other errors (a full disk) may pass: what is buffered
      // is written again.
      if (error.code === 'EPIPE') this.end();
    });
  }

  /**
   * Lines lost since the start: beyond the buffer's limit, not written when the reader went, written to nobody since.
   * What the system had taken and the reader left in the pipe is not among them: nobody can know. Of a write that
   * failed half-way all lines are.
   */
  get droppedLines(): number {
    return this.dropped;
  }

  write(line: string): void {
    if (this.closed) {
      this.dropped++;
      return;
    }
    const text = this.format ? this.format(line) : line;
    this.unwritten.add(text);
    this.stream.write(text);
  }

  /**
   * Writes out what is buffered, waiting at most a second for a reader that does not read, and takes no line after
   * that: the last thing before the process ends.
   */
  async close(): Promise<void> {
    this.closing ??= this.flushAndEnd();
    await this.closing;
  }

  private async flushAndEnd(): Promise<void> {
    const signal = AbortSignal.timeout(FINAL_FLUSH_TIMEOUT_MS);
    const tooLate = once(signal, 'abort');
    // More than once: a flush while something is being written ends with that, and leaves the lines behind it.
    while (!this.closed && this.unwritten.count > 0 && !signal.aborted)
      await Promise.race([new Promise<void>((resolve) => this.stream.flush(() => resolve())), tooLate]);
    this.end();
  }

  /**
   * Destroys the stream, since pino writes what is left of one while the process exits, and waits for the reader for
   * ever (https://github.com/pinojs/pino/pull/1185). This may go when that wait has a limit, or can be turned off.
   */
  private end(): void {
    if (this.closed) return;
    this.closed = true;
    this.dropped += this.unwritten.count;
    this.stream.destroy();
  }
}
