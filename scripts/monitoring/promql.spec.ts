import { describe, expect, it } from '@jest/globals';
import { groupingLabelsOf, rewriteDurations, rewriteMatchers, selectorsOf } from './promql.ts';

describe('selectorsOf', () => {
  it.each([
    ['sum by (namespace, job) (rate(requests_total{status=~"5.."}[5m]))', ['requests_total']],
    ['sum(up) without (instance) > bool 1', ['up']],
    ['a / on (job, by) group_left (version) b{x="y"}', ['a', 'b']],
    ['namespace_job:up:max{job="sum"} unless absent(up{job=\'by (a)\'}) # rate(no)', ['namespace_job:up:max', 'up']],
    ['topk(3, count by (le) (a_bucket{le="0.25"})) offset 5m', ['a_bucket']],
    ['label_replace(a{b="{"}, "c", "$1", "d", "(.+)") and time() < 7 * 86400', ['a']],
    ['rate(a[$__rate_interval]) * on () group_left () b', ['a', 'b']],
    ['max_over_time(a[1h:30s]) + 1e3 + 0x1F + Inf', ['a']],
  ])('%s → %j', (expression, metrics) => {
    expect(selectorsOf(expression).map(({ metric }) => metric)).toEqual(metrics);
  });

  it('tells matchers, whatever their values look like', () => {
    const [selector] = selectorsOf('a{b="x,y", c=~\'i"t|}\', d!="q\\"u\\\\o", e!~`\\d`,}');

    expect(selector?.matchers).toEqual([
      { label: 'b', operator: '=', value: 'x,y' },
      { label: 'c', operator: '=~', value: 'i"t|}' },
      { label: 'd', operator: '!=', value: String.raw`q"u\o` },
      { label: 'e', operator: '!~', value: String.raw`\d` },
    ]);
  });

  it('refuses a selector without the name of a metric: the rules need none', () => {
    expect(() => selectorsOf('sum({job="hello-world"})')).toThrow('without the name of a metric');
  });
});

describe('selectorsOf, of what it can not read', () => {
  it.each(['up{job="a","b.c"="d",x="y"}', 'up{job="a" x="y"}', 'up{job=a}', 'up{job="a",,}'])(
    'refuses matchers, rather than to leave some out: %s',
    (expression) => {
      expect(() => selectorsOf(expression)).toThrow('no matchers');
    },
  );

  it('refuses a list of labels that does not end', () => {
    expect(() => selectorsOf('sum by (job')).toThrow('without its end');
  });
});

describe('groupingLabelsOf', () => {
  it('finds the labels of aggregations and of joins', () => {
    const expression = 'sum by (a, b) (x) / on (c) group_left (d) sum(y) without (e)';

    expect([...groupingLabelsOf(expression)]).toEqual(['a', 'b', 'c', 'd', 'e']);
  });
});

describe('rewriteMatchers', () => {
  it('writes what is in the braces anew, and leaves the rest', () => {
    const expression = 'sum by (job) (rate(a{b="c"}[5m])) / sum(d{e=~"f|\\"g"})';

    const rewritten = rewriteMatchers(expression, ({ matchers }) => [
      { label: 'n', operator: '=', value: 'm' },
      ...matchers,
    ]);

    expect(rewritten).toBe('sum by (job) (rate(a{n="m", b="c"}[5m])) / sum(d{n="m", e=~"f|\\"g"})');
  });

  it('refuses a selector without braces: nobody could tell it from a word', () => {
    expect(() => rewriteMatchers('sum(up)', () => [])).toThrow('up has no matchers');
  });
});

describe('rewriteDurations', () => {
  const seconds = (expression: string) => rewriteDurations(expression, (duration) => `<${duration}>`);

  it.each([
    ['rate(a{b="[5m]"}[5m])', 'rate(a{b="[5m]"}[<5m>])'],
    ['max_over_time(a[1h30m:30s])', 'max_over_time(a[<1h30m>:<30s>])'],
    ['a offset 5m and b offset -1d', 'a offset <5m> and b offset -<1d>'],
    ['a:b:increase5m{c="5m"} > 7 * 86400', 'a:b:increase5m{c="5m"} > 7 * 86400'],
  ])('%s → %s', (expression, rewritten) => {
    expect(seconds(expression)).toBe(rewritten);
  });
});
