import { describe, expect, it, jest } from '@jest/globals';
import { RepeatedWarning } from './repeated-warning.js';

const setup = (intervalMs: number) => {
  const logger = { warn: jest.fn() };
  return { logger, warning: new RepeatedWarning(logger, intervalMs) };
};

describe('RepeatedWarning', () => {
  it('says the same once an interval', () => {
    const { logger, warning } = setup(60_000);

    warning.warn('refused', 'refused, next in 1 s');
    warning.warn('refused', 'refused, next in 2 s');

    expect(logger.warn.mock.calls).toEqual([['refused, next in 1 s']]);
  });

  it('says something else at once', () => {
    const { logger, warning } = setup(60_000);

    warning.warn('refused', 'refused');
    warning.warn('timeout', 'timeout');

    expect(logger.warn).toHaveBeenCalledTimes(2);
  });

  it('says the same again once the state was over, or the interval', () => {
    const { logger, warning } = setup(60_000);
    const { logger: impatient, warning: always } = setup(0);

    warning.warn('refused', 'refused');
    warning.clear();
    warning.warn('refused', 'refused');
    always.warn('refused', 'refused');
    always.warn('refused', 'refused');

    expect(logger.warn).toHaveBeenCalledTimes(2);
    expect(impatient.warn).toHaveBeenCalledTimes(2);
  });
});
