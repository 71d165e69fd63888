import { describe, expect, it } from '@jest/globals';
import { median, slope, spreadOf } from './statistics.ts';

describe('median', () => {
  it('of an odd number is the one in the middle, whatever the order', () => {
    expect(median([30, 1, 2])).toBe(2);
  });

  it('of an even number is between the two in the middle', () => {
    expect(median([4, 1, 2, 100])).toBe(3);
  });

  it('of nothing is an error, not a figure', () => {
    expect(() => median([])).toThrow('nothing');
  });
});

describe('spread', () => {
  it('has the middle and both ends', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, least: 1, most: 3 });
  });
});

describe('slope', () => {
  it('of points on a line is the line', () => {
    expect(slope([1, 2, 3].map((x) => [x, 5 + 2 * x]))).toBeCloseTo(2);
  });

  it('of noise around a level is next to nothing', () => {
    expect(
      slope([
        [1, 10.1],
        [2, 9.9],
        [3, 9.9],
        [4, 10.1],
      ]),
    ).toBeCloseTo(0);
  });

  it('of a single point is none', () => {
    expect(slope([[1, 7]])).toBe(0);
  });
});
