import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually.js';

const MAKE_FIFO = 'mkfifo';

/** A pipe as a shell makes it, whose reader reads only what it is told to. (What Node itself gives a child is a socket.) */
export class Pipe implements Disposable {
  private constructor(
    private readonly folder: string,
    private reader: number | undefined,
    /** File descriptor to write to. */
    readonly writer: number,
    private ownsWriter = true,
  ) {}

  /** @param blocking whether a write waits while the pipe is full, as it does for whoever inherits one */
  static async open({ blocking = true } = {}): Promise<Pipe> {
    const folder = await mkdtemp(join(tmpdir(), 'pipe-'));
    const path = join(folder, 'pipe');
    execFileSync(MAKE_FIFO, [path]);
    // A reader that blocks would wait for a writer, and the other way round.
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY | (blocking ? 0 : constants.O_NONBLOCK));
    return new Pipe(folder, reader, writer);
  }

  /** Reads as it comes, at least so many bytes. @returns how many */
  async read(atLeast: number): Promise<number> {
    const buffer = Buffer.alloc(65_536);
    let bytes = 0;
    await eventually(`${atLeast} bytes in the pipe`, () => {
      try {
        bytes += readSync(this.reader as number, buffer);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
      return bytes >= atLeast;
    });
    return bytes;
  }

  /** From here on a write is answered with EPIPE. */
  closeReader(): void {
    if (this.reader !== undefined) closeSync(this.reader);
    this.reader = undefined;
  }

  /** The descriptor to write to, for someone who will also close it. */
  takeWriter(): number {
    this.ownsWriter = false;
    return this.writer;
  }

  [Symbol.dispose](): void {
    this.closeReader();
    if (this.ownsWriter) closeSync(this.writer);
    rmSync(this.folder, { recursive: true });
  }
}
