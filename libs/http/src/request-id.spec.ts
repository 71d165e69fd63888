import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newRequestId, requestIdOf } from './request-id.js';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const idFor = (inbound: string | string[] | undefined): string => requestIdOf({ headers: { 'x-request-id': inbound } });

describe('request id', () => {
  const saneCharacter = fc.constantFrom(...'ABCXYZabcxyz0189._-'.split(''));

  it('of the caller is kept whenever it is 1 to 128 of the allowed characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: saneCharacter, minLength: 1, maxLength: 128 }), (id) => {
        expect(idFor(id)).toBe(id);
      }),
    );
  });

  it('is replaced whenever the inbound one has any other character, however it is placed', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: saneCharacter, maxLength: 60 }),
        fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).filter((text) => !/[A-Za-z0-9._-]/.test(text)),
        fc.string({ unit: saneCharacter, maxLength: 60 }),
        (before, bad, after) => {
          expect(idFor(before + bad + after)).toMatch(UUID);
        },
      ),
    );
  });

  it('is replaced whenever the inbound one is too long', () => {
    fc.assert(
      fc.property(fc.string({ unit: saneCharacter, minLength: 129, maxLength: 5_000 }), (id) => {
        expect(idFor(id)).toMatch(UUID);
      }),
    );
  });

  it('is safe to put in a header and on a line, whatever came in', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.string()), fc.constant(undefined)), (inbound) => {
        expect(idFor(inbound)).toMatch(/^[A-Za-z0-9._-]{1,128}$/);
      }),
    );
  });

  it('of our own is another one each time', () => {
    expect(newRequestId()).not.toBe(newRequestId());
  });
});
