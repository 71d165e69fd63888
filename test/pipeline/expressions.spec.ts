import { describe, expect, it } from '@jest/globals';
import { evaluate, interpolate, type Value } from './expressions.js';

const values = {
  github: { event: { action: 'opened', labels: [{ name: 'a' }, { name: 'preview' }] }, ref: 'refs/tags/release/1' },
  vars: {},
};

describe('an expression', () => {
  it.each<[string, Value]>([
    ["'it''s'", "it's"],
    ['1 == 1.0', true],
    ["'A' == 'a'", true],
    ['null == 0', true],
    ["'' == 0", true],
    ["'x' == 0", false],
    ["'x' != null", true],
    ['true && false || 3', 3],
    ["false && 'a' || 'b'", 'b'],
    ["true && '' || 'b'", 'b'],
    ["!startsWith(github.ref, 'refs/tags/')", false],
    ["startsWith(github.ref, 'REFS/')", true],
    ["contains(github.event.labels.*.name, 'preview')", true],
    ["contains(github.event.labels.*.name, 'prev')", false],
    ["contains('abc', 'B')", true],
    ['github.event.nothing.at.all', null],
    ["github['event']['action']", 'opened'],
    ["format('{0}-{1}', 'pr', 12)", 'pr-12'],
    ["fromJSON('[1]')", [1]],
    ['vars.LABELS || \'"hosted"\'', '"hosted"'],
    ["(false || true) && !(null == 'x')", true],
  ])('%s', (expression, expected) => {
    expect(evaluate(expression, { values })).toEqual(expected);
  });

  it.each(['github.', "'open", 'a b', 'nothing.at', 'format(', '1 +', 'unknown()'])('%s is refused', (expression) => {
    expect(() => evaluate(expression, { values })).toThrow();
  });

  it('in a text: alone it keeps its kind, else it becomes text', () => {
    expect(interpolate("${{ fromJSON('[1,2]') }}", { values })).toEqual([1, 2]);
    expect(interpolate('pr-${{ 12 }} of ${{ github.event.action }}${{ null }}', { values })).toBe('pr-12 of opened');
  });
});
