import { describe, expect, it } from '@jest/globals';
import { UnwrittenLines } from './unwritten-lines.js';

describe('unwritten lines', () => {
  it('are those whose last byte is not written, whatever pieces are written', () => {
    const lines = new UnwrittenLines();
    const counts: number[] = [];

    for (const line of ['12345\n', 'ä\n', '1\n']) lines.add(line);
    for (const bytes of [5, 1, 2, 3, 0]) {
      lines.wrote(bytes);
      counts.push(lines.count);
    }

    expect(counts).toEqual([3, 2, 2, 0, 0]);
  });

  it('are without the one that was taken back', () => {
    const lines = new UnwrittenLines();

    lines.add('first\n');
    lines.add('dropped, and longer\n');
    lines.removeLast();
    lines.add('third\n');
    lines.wrote(6);
    const afterFirst = lines.count;
    lines.wrote(6);

    expect(afterFirst).toBe(1);
    expect(lines.count).toBe(0);
  });

  it('are counted through a hundred thousand', () => {
    const lines = new UnwrittenLines();

    for (let count = 0; count < 100_000; count++) {
      lines.add('line\n');
      if (count >= 10_000) lines.wrote(5);
    }

    expect(lines.count).toBe(10_000);
  });
});
