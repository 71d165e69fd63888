import { describe, expect, it } from '@jest/globals';
import { LogThrottle } from './log-throttle.js';
import { LOG_INTERVAL_MS } from './telemetry.constants.js';

describe('LogThrottle', () => {
  it('lets a subject through once in its interval, then again', () => {
    let now = 0;
    const throttle = new LogThrottle(() => now);

    const first = throttle.allows('a');
    now = LOG_INTERVAL_MS - 1;
    const second = throttle.allows('a');
    now = LOG_INTERVAL_MS;
    const third = throttle.allows('a');

    expect([first, second, third]).toEqual([true, false, true]);
  });

  it('treats subjects apart', () => {
    const throttle = new LogThrottle(() => 0);

    expect([throttle.allows('a'), throttle.allows('b')]).toEqual([true, true]);
  });

  it('given ever new subjects, stops after some of them', () => {
    const throttle = new LogThrottle(() => 0);

    const allowed = Array.from({ length: 1_000 }, (_, index) => throttle.allows(String(index)));

    expect(allowed.filter(Boolean)).toHaveLength(20);
  });
});
