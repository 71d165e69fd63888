import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bearerTokenProblem, documentationOf, ENVIRONMENT_KEYS, parseBooleanText } from './environment.schema.js';

const TRUE_TEXTS = ['1', 't', 'true', 'y', 'yes', 'on'];
const FALSE_TEXTS = ['0', 'f', 'false', 'n', 'no', 'off'];

/** A text in any mixture of cases. */
const anyCase = (texts: string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...texts).chain((text) => fc.mixedCase(fc.constant(text)));

describe('parseBooleanText', () => {
  it('reads every documented text in any case', () => {
    fc.assert(fc.property(anyCase(TRUE_TEXTS), (text) => parseBooleanText(text) === true));
    fc.assert(fc.property(anyCase(FALSE_TEXTS), (text) => parseBooleanText(text) === false));
  });

  it('reads nothing else', () => {
    const known = new Set([...TRUE_TEXTS, ...FALSE_TEXTS]);
    fc.assert(
      fc.property(
        fc.string().filter((text) => !known.has(text.toLowerCase())),
        (text) => parseBooleanText(text) === undefined,
      ),
    );
  });
});

describe('bearerTokenProblem', () => {
  it('takes only what may stand in a header as it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (bearerTokenProblem(text) === undefined) expect(text).toMatch(/^[\x21-\x7e]+$/);
      }),
    );
    expect(bearerTokenProblem('abc.DEF-123_~+/==')).toBeUndefined();
    expect(bearerTokenProblem('=a')).toMatch(/^must be a token/);
  });
});

describe('documentation of the environment', () => {
  it.each(ENVIRONMENT_KEYS)('%s has a section, a sentence and what it must be', (key) => {
    const { section, description, expects } = documentationOf(key);

    expect(section).not.toBe('');
    expect(description).toMatch(/\.$/);
    expect(expects).not.toBe('');
  });

  it('marks as secret every key that holds one', () => {
    expect(ENVIRONMENT_KEYS.filter((key) => documentationOf(key).secret)).toEqual(['ADMIN_TOKEN', 'DATABASE_URL']);
  });
});
