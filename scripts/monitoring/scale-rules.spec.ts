import { describe, expect, it } from '@jest/globals';
import type { RulesFile } from './rules-file.ts';
import { parseDuration, scaleRules } from './scale-rules.ts';

const RULES: RulesFile = {
  groups: [
    {
      name: 'quick',
      interval: '30s',
      rules: [
        {
          alert: 'A',
          expr: 'increase(a:b:increase5m{c="5m"}[10m]) > 300 unless d offset 1h',
          for: '2m',
          keep_firing_for: '90s',
          labels: { severity: 'warning' },
          annotations: { summary: 'for 2m' },
        },
      ],
    },
    { name: 'slow', interval: '2m', rules: [{ record: 'a:b:increase30d', expr: 'increase(e{f="g"}[30d])' }] },
  ],
};

describe('scaleRules', () => {
  it('divides every duration, and nothing else', () => {
    const { groups } = scaleRules(RULES, { factor: 60, groupFactors: { slow: 3600 } });

    expect(groups).toEqual([
      {
        name: 'quick',
        interval: '1s',
        rules: [
          {
            alert: 'A',
            expr: 'increase(a:b:increase5m{c="5m"}[10s]) > 300 unless d offset 60s',
            for: '2s',
            keep_firing_for: '1500ms',
            labels: { severity: 'warning' },
            annotations: { summary: 'for 2m' },
          },
        ],
      },
      { name: 'slow', interval: '1s', rules: [{ record: 'a:b:increase30d', expr: 'increase(e{f="g"}[720s])' }] },
    ]);
  });

  it('makes no range shorter than the floor, and none longer than it was', () => {
    const scaled = scaleRules(RULES, { factor: 3600, floorMs: 8_000, intervalFloorMs: 500 });
    const whole = scaleRules(RULES, { factor: 1, floorMs: 3_600_000_000 });

    expect(scaled.groups[0]).toMatchObject({ interval: '500ms', rules: [{ for: '33ms' }] });
    expect(scaled.groups[0]?.rules[0]?.expr).toContain('[8s]) > 300 unless d offset 8s');
    expect(whole.groups[0]?.rules[0]?.expr).toContain('[600s]');
  });

  it('refuses a group that does not exist, and a factor that lengthens', () => {
    expect(() => scaleRules(RULES, { factor: 2, groupFactors: { no: 2 } })).toThrow('no such group of rules: no');
    expect(() => scaleRules(RULES, { factor: 0.5 })).toThrow('from 1 on');
    expect(() => scaleRules(RULES, { factor: Infinity })).toThrow('from 1 on');
    expect(() => scaleRules(RULES, { factor: Number.NaN })).toThrow('from 1 on');
  });
});

describe('parseDuration', () => {
  it.each([
    ['15s', 15_000],
    ['1h30m', 5_400_000],
    ['500ms', 500],
    ['1d', 86_400_000],
  ])('%s → %d ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each(['', '5', 'm', '5 m', '5x'])('refuses %j', (text) => {
    expect(() => parseDuration(text)).toThrow('no duration');
  });
});
