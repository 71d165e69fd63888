import { openSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import { Pipe } from '../../../test/support/pipe.js';
import { LogDestination } from './log-destination.js';

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

  it('drops and counts what a reader that does not read leaves beyond 8 MiB, and closes nevertheless', async () => {
    using pipe = await Pipe.open({ blocking: false });
    const destination = new LogDestination(pipe.takeWriter());
    const line = `${'x'.repeat(1_023)}\n`;

    for (let count = 0; count < 10_240; count++) destination.write(line);
    await destination.close();

    expect(destination.droppedLines).toBeGreaterThanOrEqual(2_048);
    expect(destination.droppedLines).toBeLessThan(2_200);
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
