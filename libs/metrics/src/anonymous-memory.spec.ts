import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { itUnless } from '../../../test/support/unless.js';
import { anonymousMemoryBytes } from './anonymous-memory.js';

describe('anonymousMemoryBytes', () => {
  it('reads it from what Linux tells of a process', () => {
    const status = 'VmRSS:\t  131000 kB\nRssAnon:\t   69120 kB\nRssFile:\t   61880 kB\nRssShmem:\t       0 kB\n';

    expect(anonymousMemoryBytes(() => status)).toBe(70_778_880);
  });

  it.each([
    ['where there is no such file', () => readMissing()],
    ['where the kernel is too old to tell', () => 'VmRSS:\t  131000 kB\n'],
  ])('knows nothing %s', (_where, read) => {
    expect(anonymousMemoryBytes(read)).toBeUndefined();
  });

  itUnless(existsSync('/proc/self/status') ? undefined : 'not Linux')(
    'is part of the resident memory of this process',
    async () => {
      const anonymous = anonymousMemoryBytes() ?? 0;

      expect(anonymous).toBeGreaterThan(1024 ** 2);
      expect(anonymous).toBeLessThan(process.memoryUsage.rss());
    },
  );
});

function readMissing(): never {
  throw new Error('ENOENT');
}
