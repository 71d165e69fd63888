import { expect } from '@jest/globals';
import { type AlertCase, idOf } from './alert-case.js';
import { type EnvironmentName, factorOf } from './derived-config.js';
import { expectArrival, receiverOf } from './expectations.js';
import { say } from './progress.js';
import type { AlertRule } from './prometheus-api.js';
import { reportOn } from './report.js';
import type { Arrival } from './sink.js';
import type { AlertsStack } from './stack.js';
import type { TimelineRow } from './timeline.js';
import { AlertWatch, idOfLabels } from './watch.js';

/** Longest each step may take, on a slow machine. */
const STEP_TIMEOUT_MS = 360_000;
/** Longest what else a cause brought about may go on: the longest window that must pass is of 4 minutes. */
const QUIET_TIMEOUT_MS = 360_000;
/** So long nothing may be active before it is called quiet. */
const QUIET_FOR_MS = 1_000;

/** Waits until no alert is pending or firing. */
export async function quiet(stack: AlertsStack): Promise<void> {
  const watch = new AlertWatch(stack);
  let since = Date.now();
  const isQuietForLong = (): boolean => {
    if (!watch.isQuiet()) since = Date.now();
    return Date.now() - since > QUIET_FOR_MS;
  };
  try {
    await watch.until('all alerts are inactive', isQuietForLong, QUIET_TIMEOUT_MS);
  } finally {
    await watch.stop();
  }
}

/**
 * One alert from its cause to its end: inactive, pending, firing, arrived at its receiver as it should; healed, and told
 * as resolved; and meanwhile no other alert that the cause does not explain.
 *
 * @returns when all that happened
 */
export async function runCourse(
  stack: AlertsStack,
  alertCase: AlertCase,
  environment: EnvironmentName = 'prod',
): Promise<TimelineRow> {
  const rule = await stack.prometheus.alertRule(alertCase.alert, alertCase.severity);
  expect(rule).toMatchObject({ state: 'inactive', health: 'ok' });
  const watch = new AlertWatch(stack);
  try {
    const course = new Course(stack, alertCase, environment, rule, watch);
    const healedAt = await course.untilHealed();
    await course.untilOver();
    return course.row(healedAt);
  } catch (error) {
    const report = await reportOn(stack, watch, rule);
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${report}`, { cause: error });
  } finally {
    await watch.stop();
  }
}

class Course {
  private readonly id: string;
  private readonly holdsBack: readonly string[];
  private readonly explained: readonly string[];

  constructor(
    private readonly stack: AlertsStack,
    private readonly alertCase: AlertCase,
    private readonly environment: EnvironmentName,
    private readonly rule: AlertRule,
    private readonly watch: AlertWatch,
  ) {
    const { alert, severity, explains = [], holdsBack = [] } = alertCase;
    this.id = idOf(alert, severity);
    this.holdsBack = holdsBack;
    this.explained = [this.id, ...explains, ...holdsBack];
  }

  /** @returns when it began to heal */
  async untilHealed(): Promise<number> {
    const { id, watch, stack, alertCase } = this;
    try {
      say(`${id}: ${alertCase.cause}`);
      await alertCase.begin(stack);
      await watch.until(`${id} fires`, () => watch.seen.get(id)?.firing !== undefined, STEP_TIMEOUT_MS);
      this.tell('fires');
      if (this.rule.duration > 0) expect(watch.seen.get(id)).toHaveProperty('pending');
      expectArrival(await this.arrival('firing'), alertCase, this.environment);
      const told = watch.arrivals.filter(({ status }) => status === 'firing').map(idOfLabels);
      expect(told.filter((each) => this.holdsBack.includes(each))).toEqual([]);
    } catch (error) {
      // The next test is to find a service that is well; what went wrong first is what matters.
      await Promise.resolve(alertCase.heal(stack)).catch(() => undefined);
      throw error;
    }
    const healedAt = Date.now();
    await alertCase.heal(stack);
    return healedAt;
  }

  async untilOver(): Promise<void> {
    const { id, watch, alertCase } = this;
    expectArrival(await this.arrival('resolved'), alertCase, this.environment);
    await watch.until(`what ${id} brought with it is over`, () => watch.isQuiet(), QUIET_TIMEOUT_MS);
    const fired = [...watch.seen].filter(([, { firing }]) => firing !== undefined).map(([each]) => each);
    // Prometheus and Alertmanager repeat for a while what was resolved long ago.
    const told = watch.arrivals.filter(({ status }) => status === 'firing').map(idOfLabels);
    expect([...fired, ...told].filter((each) => !this.explained.includes(each))).toEqual([]);
  }

  row(healedAt: number): TimelineRow {
    const { watch, id, alertCase } = this;
    const seconds = (at = 0): number => (at - watch.startedAt) / 1_000;
    const { pending, firing, lastFiring } = watch.seen.get(id) ?? {};
    return {
      alert: alertCase.alert,
      severity: alertCase.severity,
      receiver: receiverOf(alertCase, this.environment),
      cause: alertCase.cause,
      factor: factorOf(alertCase.alert),
      times: {
        pending: pending === undefined ? undefined : seconds(pending),
        firing: seconds(firing),
        arrived: seconds(this.find('firing')?.at),
        healed: seconds(healedAt),
        over: seconds(lastFiring),
        resolved: seconds(this.find('resolved')?.at),
      },
    };
  }

  private async arrival(status: Arrival['status']): Promise<Arrival> {
    await this.watch.until(`${this.id} arrives as ${status}`, () => this.find(status) !== undefined, STEP_TIMEOUT_MS);
    this.tell(`arrived as ${status}`);
    return this.find(status) as Arrival;
  }

  private find(status: Arrival['status']): Arrival | undefined {
    const arrivals = this.watch.arrivals.filter((arrival) => idOfLabels(arrival) === this.id);
    const first = arrivals.findIndex((arrival) => arrival.status === 'firing');
    // What is told as resolved before is an earlier one.
    return first < 0 ? undefined : arrivals.slice(first).find((arrival) => arrival.status === status);
  }

  private tell(what: string): void {
    say(`${this.id}: ${what}, ${Math.round((Date.now() - this.watch.startedAt) / 1_000)} s after its cause`);
  }
}
