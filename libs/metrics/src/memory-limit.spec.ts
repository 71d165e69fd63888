import { describe, expect, it } from '@jest/globals';
import { memoryLimitBytes } from './memory-limit.js';

describe('memoryLimitBytes', () => {
  it('tells the limit of a container', () => {
    expect(memoryLimitBytes(256 * 1024 ** 2)).toBe(268_435_456);
  });

  it.each([0, 1.844_674_407_370_955_2e19, 9_223_372_036_854_771_712])('knows that %d is no limit', (constrained) => {
    expect(memoryLimitBytes(constrained)).toBeUndefined();
  });
});
