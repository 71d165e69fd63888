import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A pipe as a shell makes it, whose reader does not read. (What Node itself gives a child is a socket.) */
export class Pipe implements Disposable {
  private constructor(
    private readonly folder: string,
    private reader: number | undefined,
    /** File descriptor to write to. */
    readonly writer: number,
  ) {}

  static async open(): Promise<Pipe> {
    const folder = await mkdtemp(join(tmpdir(), 'pipe-'));
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    // A reader that blocks would wait for a writer, and the other way round.
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return new Pipe(folder, reader, openSync(path, constants.O_WRONLY));
  }

  /** From here on a write is answered with EPIPE. */
  closeReader(): void {
    if (this.reader !== undefined) closeSync(this.reader);
    this.reader = undefined;
  }

  [Symbol.dispose](): void {
    this.closeReader();
    closeSync(this.writer);
    rmSync(this.folder, { recursive: true });
  }
}
