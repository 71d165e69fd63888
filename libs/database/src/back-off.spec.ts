import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { backOffMs } from './back-off.js';

describe('backOffMs', () => {
  it('doubles from a tenth of a second and stays at five seconds', () => {
    const delays = [1, 2, 3, 6, 7, 8, 2_000].map((failures) => backOffMs(failures, 1));

    expect(delays).toEqual([100, 200, 400, 3_200, 5_000, 5_000, 5_000]);
  });

  it('is between half and all of its delay, however often it failed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1 }), (failures) => {
        const delay = backOffMs(failures);

        expect(delay).toBeGreaterThanOrEqual(50);
        expect(delay).toBeLessThanOrEqual(5_000);
      }),
    );
  });
});
