import { openSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import { Pipe } from '../../../test/support/pipe.js';
import { LogDestination } from './log-destination.js';

/** What a pipe of the system holds, at most. */
const PIPE_BYTES = 65_536;
/** What is written at once, at most. */
const WRITE_BYTES = 16_384;

describe('log destination', () => {
  let folder: string;
  /** Closed by the destination it is given to. */
  let file: number;
  const written = (): string => readFileSync(join(folder, 'log'), 'utf8');

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'log-'));
    file = openSync(join(folder, 'log'), 'w');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('has written every line, in order, once it is closed', async () => {
    const destination = new LogDestination(file);
    const lines = Array.from({ length: 2_000 }, (_, index) => `line ${index}\n`);

    for (const line of lines) destination.write(line);
    await destination.close();

    expect(written()).toBe(lines.join(''));
    expect(destination.droppedLines).toBe(0);
  });

  it('has written a last line that came while others were being written', async () => {
    const destination = new LogDestination(file);
    const long = `${'x'.repeat(5_000)}\n`;

    destination.write(long);
    destination.write('last\n');
    await destination.close();

    expect(written()).toBe(`${long}last\n`);
    expect(destination.droppedLines).toBe(0);
  });

  it('writes a lonely line within its interval, without being closed', async () => {
    const destination = new LogDestination(file);

    destination.write('lonely\n');
    await eventually('a line in the file', () => written() !== '');

    expect(written()).toBe('lonely\n');
    await destination.close();
  });

  it('formats each line where it is told how', async () => {
    const destination = new LogDestination(file, (line) => `pretty ${line}`);

    destination.write('one\n');
    await destination.close();

    expect(written()).toBe('pretty one\n');
  });

  it('takes no line after it is closed, and counts it', async () => {
    const destination = new LogDestination(file);

    await Promise.all([destination.close(), destination.close()]);
    destination.write('late\n');

    expect(written()).toBe('');
    expect(destination.droppedLines).toBe(1);
  });

  it('drops and counts what a reader that does not read leaves beyond 8 MiB, and at the end all it left', async () => {
    using pipe = await Pipe.open({ blocking: false });
    const destination = new LogDestination(pipe.takeWriter());
    const line = `${'x'.repeat(1_023)}\n`;

    for (let count = 0; count < 10_240; count++) destination.write(line);
    const beyondLimit = destination.droppedLines;
    await destination.close();

    const inThePipe = PIPE_BYTES / 1_024;
    expect(beyondLimit).toBeGreaterThanOrEqual(2_048 - inThePipe - 1);
    expect(beyondLimit).toBeLessThan(2_048);
    expect(destination.droppedLines).toBeGreaterThanOrEqual(10_240 - inThePipe);
    expect(destination.droppedLines).toBeLessThan(10_240);
  });

  it('counts what was not written when its reader goes half-way, and nothing of what was', async () => {
    using pipe = await Pipe.open({ blocking: false });
    const destination = new LogDestination(pipe.takeWriter());
    const line = `${'x'.repeat(199)}\n`;

    for (let count = 0; count < 20_001; count++) destination.write(line);
    const linesRead = Math.floor((await pipe.read(1_000_000)) / 200);
    pipe.closeReader();
    await eventually('the end of the pipe', () => destination.droppedLines > 0);
    await destination.close();

    // Of a write that fails half-way the system may tell the failure only; a pipe may hold lines nobody will read.
    expect(destination.droppedLines).toBeLessThan(20_001 - linesRead + WRITE_BYTES / 200);
    expect(destination.droppedLines).toBeGreaterThan(20_001 - linesRead - PIPE_BYTES / 200 - 1);
  });

  it('drops and counts lines once its reader is gone', async () => {
    using pipe = await Pipe.open();
    const destination = new LogDestination(pipe.takeWriter());
    pipe.closeReader();

    await eventually('a dropped line', () => {
      destination.write('nobody reads this\n');
      return destination.droppedLines > 0;
    });
    const dropped = destination.droppedLines;
    destination.write('nor this\n');
    await destination.close();

    expect(destination.droppedLines).toBe(dropped + 1);
  });
});
