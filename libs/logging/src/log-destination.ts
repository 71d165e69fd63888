import { closeSync, writeSync } from 'node:fs';

/** Lines are written together once they fill this much, or once the timer finds some waiting. */
const BATCH_LENGTH = 16_384;
const FLUSH_INTERVAL_MS = 250;
/** Beyond this a reader that does not keep up loses lines: the service never waits for it and never grows for it. */
const BUFFER_LIMIT = 8 * 1024 * 1024;
/** A full pipe is tried again soon, and less often the longer nobody reads it. */
const RETRY_FIRST_MS = 1;
const RETRY_MOST_MS = 50;
/** Longest an exit waits for the reader to take the last lines. */
const FINAL_FLUSH_TIMEOUT_MS = 1_000;
/** Descriptors up to that of standard error are the process's own. */
const STANDARD_ERROR = 2;
const NOTHING = Buffer.alloc(0);

/** Turns one JSON line into what is written. */
export type LineFormat = (line: string) => string;

/**
 * Where log lines go: a file descriptor, buffered. A reader that is slow or gone never slows a request; the lines
 * it does not take are counted.
 *
 * It writes by itself and at once, where pino's destination would have a thread do it: that thread and the way to it
 * cost more than the write (decision 0017). The descriptor must not block, which Node sees to for a pipe.
 */
export class LogDestination {
  /** Lines that no write has been tried with. */
  private waiting = '';
  /** What the system did not take of the batch before them. */
  private rest = NOTHING;
  private dropped = 0;
  private closed = false;
  private closing: Promise<void> | undefined;
  private retry: NodeJS.Timeout | undefined;
  private retryMs = RETRY_FIRST_MS;
  private readonly timer: NodeJS.Timeout;

  /** @param fd file descriptor, 1 for standard output; any but the standard ones is closed in the end */
  constructor(
    private readonly fd: number,
    private readonly format?: LineFormat,
  ) {
    this.timer = setInterval(() => this.flush(), FLUSH_INTERVAL_MS).unref();
  }

  /**
   * Lines lost since the start: beyond the buffer's limit, not written when the reader went, written to nobody since.
   * What the system had taken and the reader left in the pipe is not among them: nobody can know.
   */
  get droppedLines(): number {
    return this.dropped;
  }

  write(line: string): void {
    if (this.closed || this.rest.length + this.waiting.length > BUFFER_LIMIT) {
      this.dropped++;
      return;
    }
    this.waiting += this.format ? this.format(line) : line;
    if (this.waiting.length >= BATCH_LENGTH) this.flush();
  }

  /**
   * Writes out what is buffered, waiting at most a second for a reader that does not read, and takes no line after
   * that: the last thing before the process ends.
   */
  async close(): Promise<void> {
    this.closing ??= this.flushAndEnd();
    await this.closing;
  }

  private flush(): void {
    if (this.closed || this.retry !== undefined) return;
    try {
      while (this.rest.length > 0 || this.waiting !== '') {
        if (this.rest.length === 0) {
          this.rest = Buffer.from(this.waiting);
          this.waiting = '';
        }
        this.rest = this.rest.subarray(writeSync(this.fd, this.rest));
      }
      this.retryMs = RETRY_FIRST_MS;
    } catch (error) {
      // There is nowhere left to say so, and no use in trying. Other errors may pass: the pipe is full, or the disk.
      if ((error as NodeJS.ErrnoException).code === 'EPIPE') this.end();
      else this.flushLater();
    }
  }

  private flushLater(): void {
    this.retry = setTimeout(() => {
      this.retry = undefined;
      this.flush();
    }, this.retryMs).unref();
    this.retryMs = Math.min(this.retryMs * 2, RETRY_MOST_MS);
  }

  private async flushAndEnd(): Promise<void> {
    const deadline = performance.now() + FINAL_FLUSH_TIMEOUT_MS;
    this.flush();
    while (this.retry !== undefined && performance.now() < deadline)
      await new Promise((resolve) => setTimeout(resolve, RETRY_FIRST_MS));
    this.end();
  }

  private end(): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.timer);
    clearTimeout(this.retry);
    this.dropped += countLines(this.rest.toString()) + countLines(this.waiting);
    this.rest = NOTHING;
    this.waiting = '';
    if (this.fd > STANDARD_ERROR) closeSync(this.fd);
  }
}

/** Lines by their ends: of a line that was written in part there is one. */
function countLines(text: string): number {
  return text.split('\n').length - 1;
}
