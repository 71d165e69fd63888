import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';

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
  private dropped = 0;
  /** Lines handed over since the stream last had everything written. */
  private unwritten = 0;
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
      this.unwritten--;
    });
    this.stream.on('drain', () => {
      this.unwritten = 0;
    });
    this.stream.on('error', (error: NodeJS.ErrnoException) => {
      // There is nowhere left to say so, and no use in trying. Other errors (a full disk) may pass: what is buffered
      // is written again.
      if (error.code !== 'EPIPE') return;
      this.dropped += this.unwritten;
      this.end();
    });
  }

  /** Lines lost since the start, because the reader was slow or gone. */
  get droppedLines(): number {
    return this.dropped;
  }

  write(line: string): void {
    if (this.closed) {
      this.dropped++;
      return;
    }
    this.unwritten++;
    this.stream.write(this.format ? this.format(line) : line);
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
    if (this.closed) return;
    const flushed = new Promise<void>((resolve) => this.stream.flush(() => resolve()));
    await Promise.race([flushed, delay(FINAL_FLUSH_TIMEOUT_MS)]);
    this.end();
  }

  /** Without this pino would try once more while the process exits, and wait for the reader for ever. */
  private end(): void {
    this.closed = true;
    this.stream.destroy();
  }
}
