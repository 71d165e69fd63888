import type { Spread } from './statistics.ts';

/** What the service is to reach; `--check` fails beyond the floor. */
export interface Goal {
  /** Name under which a measurement reports the figure. */
  readonly figure: string;
  readonly what: string;
  readonly unit: string;
  /** One of the two. */
  readonly atLeast?: number;
  readonly atMost?: number;
  /** A wish: shown, and not checked. */
  readonly unchecked?: true;
}

/** A goal, and what was seen. */
export interface JudgedGoal {
  readonly goal: Goal;
  /** A third worse than the goal, so that the noise of a machine is no failure. */
  readonly floor: number;
  readonly seen: Spread | undefined;
  readonly verdict: 'reached' | 'missed' | 'under the floor' | 'not measured';
}

const OF_BARE_FASTIFY = '× bare Fastify';

/** Ratios are to the reference in the same round; their median counts. */
export const GOALS: readonly Goal[] = [
  { figure: 'everything', what: 'everything on, tracing flag off', unit: OF_BARE_FASTIFY, atLeast: 0.65 },
  { figure: 'traced', what: 'every request traced and exported, none lost', unit: OF_BARE_FASTIFY, atLeast: 0.45 },
  { figure: 'targeted', what: 'a targeted flag evaluated at each request', unit: OF_BARE_FASTIFY, atLeast: 0.28 },
  {
    figure: 'targeted',
    what: 'the same without the price of the OpenFeature client',
    unit: OF_BARE_FASTIFY,
    atLeast: 0.4,
    unchecked: true,
  },
  { figure: 'off', what: 'metrics and tracing flags off', unit: OF_BARE_FASTIFY, atLeast: 0.7 },
  { figure: 'everything/podinfo', what: 'everything on, against podinfo', unit: '× podinfo', atLeast: 1.4 },
  { figure: 'latency', what: 'p99 at 70 % of own maximum', unit: OF_BARE_FASTIFY, atMost: 1.5 },
  { figure: 'startup', what: 'start-up, nothing configured', unit: OF_BARE_FASTIFY, atMost: 1.5 },
  { figure: 'startup-everything', what: 'start-up, everything on', unit: OF_BARE_FASTIFY, atMost: 1.5 },
  { figure: 'memory', what: 'memory under load, everything on', unit: OF_BARE_FASTIFY, atMost: 1.4 },
  { figure: 'metrics-scrape', what: 'event loop taken by a scrape', unit: 'ms', atMost: 5 },
  { figure: 'metrics-scrape-delay', what: 'delay of the slowest request by scrapes', unit: 'ms', atMost: 5 },
];

const TOLERANCE = 2 / 3;

export function floorOf({ atLeast, atMost }: Goal): number {
  return atLeast === undefined ? (atMost ?? Number.POSITIVE_INFINITY) / TOLERANCE : atLeast * TOLERANCE;
}

/** Holds what was measured to the goals. */
export function judge(goals: readonly Goal[], figures: Readonly<Record<string, Spread>>): JudgedGoal[] {
  return goals.map((goal) => {
    const [seen, floor] = [figures[goal.figure], floorOf(goal)];
    return { goal, floor, seen, verdict: seen === undefined ? 'not measured' : verdictOn(goal, floor, seen.median) };
  });
}

function verdictOn({ atLeast, atMost }: Goal, floor: number, seen: number): JudgedGoal['verdict'] {
  if (atLeast !== undefined) return seen >= atLeast ? 'reached' : seen >= floor ? 'missed' : 'under the floor';
  return seen <= (atMost ?? Number.POSITIVE_INFINITY) ? 'reached' : seen <= floor ? 'missed' : 'under the floor';
}
