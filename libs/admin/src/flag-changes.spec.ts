import { describe, expect, it } from '@jest/globals';
import { BadRequestException } from '@nestjs/common';
import fc from 'fast-check';
import { type FlagChanges, parseFlagChanges } from './flag-changes.js';

/** As a request brings a body: parsed, and its text. */
function fromBody(bodyText: string, query: Record<string, unknown> = {}): FlagChanges {
  return parseFlagChanges({ body: JSON.parse(bodyText), bodyText, query });
}

const fromQuery = (query: Record<string, unknown>): FlagChanges =>
  parseFlagChanges({ body: undefined, bodyText: undefined, query });

describe('parseFlagChanges', () => {
  it('reads a body, a query, or both', () => {
    expect(fromBody('{"tracing":true,"metrics":false}')).toEqual({ tracing: true, metrics: false });
    expect(fromQuery({ tracing: 'off' })).toEqual({ tracing: false });
    expect(fromBody('{"tracing":true}', { metrics: 'yes' })).toEqual({ tracing: true, metrics: true });
  });

  it('with nothing to change: changes nothing', () => {
    expect(fromQuery({})).toEqual({});
    expect(fromBody('{}')).toEqual({});
  });

  it('takes the same value from body and query as one', () => {
    expect(fromBody('{"tracing":true}', { tracing: 'true' })).toEqual({ tracing: true });
  });

  it.each([
    ['null', '{"tracing":null}', /"tracing" must be true or false/],
    ['a number', '{"metrics":1}', /"metrics" must be/],
    ['a text', '{"metrics":"true"}', /"metrics" must be/],
    ['an unknown key', '{"tracing":true,"color":true}', /"color" is no flag; there are metrics, tracing/],
    ['a key of every object', '{"constructor":true}', /"constructor" is no flag/],
    ['a list', '[{"tracing":true}]', /must be an object/],
    ['a bare value', 'true', /must be an object/],
    ['nothing', 'null', /must be an object/],
    ['a deep nest', `{"tracing":${'['.repeat(8_000)}${']'.repeat(8_000)}}`, /"tracing" must be/],
    [
      'a key twice, the first deep',
      `{"tracing":${'['.repeat(7_000)}${']'.repeat(7_000)},"tracing":true}`,
      /given twice/,
    ],
    ['a key twice', '{"tracing":true,"tracing":false}', /"tracing" is given twice/],
    ['a key twice, once escaped', '{"tracing":true,"tr\\u0061cing":true}', /"tracing" is given twice/],
  ])('refuses a body of %s', (_what, text, message) => {
    expect(() => fromBody(text)).toThrow(BadRequestException);
    expect(() => fromBody(text)).toThrow(message);
  });

  it('refuses two values for one flag, in the query or between body and query', () => {
    expect(() => fromQuery({ tracing: ['true', 'true'] })).toThrow(/given twice/);
    expect(() => fromBody('{"tracing":true}', { tracing: 'false' })).toThrow(/"tracing" has two values/);
  });

  it('cuts a key that it repeats', () => {
    expect(() => fromQuery({ ['k'.repeat(10_000)]: 'true' })).toThrow(/^"k{64}" is no flag/);
  });

  it('takes exactly the objects that hold nothing but booleans of flags', () => {
    const flags = fc.record({ tracing: fc.boolean(), metrics: fc.boolean() }, { requiredKeys: [] });
    fc.assert(fc.property(flags, (body) => expect(fromBody(JSON.stringify(body))).toEqual(body)));
  });

  it('meets any JSON with changes or a BadRequestException, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.array(fc.string()))),
        (text, query) => {
          try {
            const changes = fromBody(text, query);
            expect(Object.values(changes).every((value) => typeof value === 'boolean')).toBe(true);
          } catch (error) {
            expect(error).toBeInstanceOf(BadRequestException);
          }
        },
      ),
    );
  });
});
