import { describe, expect, it } from '@jest/globals';
import { floorOf, type Goal, judge } from './goals.ts';
import { failures } from './report/goal-table.ts';
import { spreadOf } from './statistics.ts';

const RATIO: Goal = { figure: 'ours', what: 'ours', unit: '×', atLeast: 0.6 };
const TIME: Goal = { figure: 'time', what: 'a time', unit: 'ms', atMost: 4 };

const verdictsOf = (goal: Goal, values: readonly number[]) =>
  values.map((value) => judge([goal], { [goal.figure]: spreadOf([value]) })[0]?.verdict);

describe('a goal', () => {
  it('has its floor a third below what it wants at least', () => {
    expect(floorOf(RATIO)).toBeCloseTo(0.4);
    expect(verdictsOf(RATIO, [0.6, 0.59, 0.41, 0.39])).toEqual(['reached', 'missed', 'missed', 'under the floor']);
  });

  it('has its floor as far on the other side of what it wants at most', () => {
    expect(floorOf(TIME)).toBeCloseTo(6);
    expect(verdictsOf(TIME, [4, 5.9, 6.1])).toEqual(['reached', 'missed', 'under the floor']);
  });

  it('is judged by the median', () => {
    const figures = { ours: spreadOf([0.1, 0.61, 0.62]) };

    expect(judge([RATIO], figures)[0]?.verdict).toBe('reached');
  });

  it('that nothing was measured for is neither reached nor a failure', () => {
    const judged = judge([RATIO], {});

    expect(judged[0]?.verdict).toBe('not measured');
    expect(failures(judged)).toEqual([]);
  });

  it('beyond its floor is a failure, unless it is only a wish', () => {
    const figures = { ours: spreadOf([0.2]) };

    expect(failures(judge([RATIO], figures))).toEqual(['ours: 0.20 ×, floor ≥ 0.40']);
    expect(failures(judge([{ ...RATIO, unchecked: true }], figures))).toEqual([]);
  });
});
