import { describe, expect, it } from '@jest/globals';
import { LogDestination } from './log-destination.js';
import { openLogDestination } from './open-log-destination.js';

describe('openLogDestination', () => {
  it('opens standard output, whatever that is', async () => {
    const destination = await openLogDestination();

    expect(destination).toBeInstanceOf(LogDestination);
    await destination.close();
  });
});
