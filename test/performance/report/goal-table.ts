import type { Goal, JudgedGoal } from '../goals.ts';
import { ratioSpread, type Table } from './table.ts';

/** What was to be reached, what must hold, and what was seen. */
export function goalTable(goals: readonly JudgedGoal[]): Table {
  return {
    title: 'Goals',
    head: ['figure', 'unit', 'goal', 'floor', 'seen (min–max)', 'verdict'],
    rows: goals.map(({ goal, floor, seen, verdict }) => [
      goal.what,
      goal.unit,
      limit(goal, goal.atLeast ?? goal.atMost),
      goal.unchecked ? '–' : limit(goal, floor),
      seen === undefined ? '–' : ratioSpread(seen),
      verdict,
    ]),
    notes: [],
  };
}

/** Those that `--check` fails for. */
export function failures(goals: readonly JudgedGoal[]): string[] {
  return goals
    .filter(({ goal, verdict }) => verdict === 'under the floor' && !goal.unchecked)
    .map(
      ({ goal, floor, seen }) => `${goal.what}: ${seen?.median.toFixed(2)} ${goal.unit}, floor ${limit(goal, floor)}`,
    );
}

function limit({ atLeast }: Goal, value = Number.NaN): string {
  return `${atLeast === undefined ? '≤' : '≥'} ${value.toFixed(2)}`;
}
