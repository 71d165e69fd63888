import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { isAlert, readRules } from '../../scripts/monitoring/rules-file.ts';
import { whyNoCompose } from '../support/compose-images.js';
import { ROOT } from '../support/launcher.js';
import { describeUnless } from '../support/unless.js';
import { idOf } from './alert-case.js';
import { CASES, METRICS_OFF, PROVEN_BY_UNIT_TESTS, STEADY_REQUESTS_PER_SECOND } from './causes.js';
import { CONTROL_MINUTES, runControl } from './control-run.js';
import { quiet, runCourse } from './course.js';
import { SCALE } from './derived-config.js';
import { say } from './progress.js';
import { AlertsStack } from './stack.js';
import { type ControlTimes, drawTimeline, type TimelineRow } from './timeline.js';

const START_TIMEOUT_MS = 600_000;
const COURSE_TIMEOUT_MS = 900_000;
const PICTURE = join(ROOT, 'docs/alerts-timeline.svg');

describe('the alerts of the rules', () => {
  const alerts = readRules().groups.flatMap(({ rules }) => rules.filter(isAlert));

  it('each is proven here by a cause, or by a unit test where its series come from another exporter', () => {
    const here = CASES.map(({ alert, severity }) => idOf(alert, severity));
    const byUnitTests = alerts.filter(({ alert }) => alert in PROVEN_BY_UNIT_TESTS);

    const proven = [...here, ...byUnitTests.map(({ alert, labels }) => idOf(alert, labels['severity']))];

    expect(new Set(proven)).toEqual(new Set(alerts.map(({ alert, labels }) => idOf(alert, labels['severity']))));
    expect(here.filter((id) => Object.keys(PROVEN_BY_UNIT_TESTS).some((alert) => id.startsWith(`${alert} `)))).toEqual(
      [],
    );
  });

  it.each(Object.entries(PROVEN_BY_UNIT_TESTS))('%s: its unit test is there', (alert, { tests }) => {
    expect(existsSync(join(ROOT, tests))).toBe(true);
    expect(readFileSync(join(ROOT, tests), 'utf8')).toContain(`alertname: ${alert}`);
  });
});

describeUnless(whyNoCompose('headless'))('alerts end to end', () => {
  let stack: AlertsStack;
  const rows: TimelineRow[] = [];

  beforeAll(async () => {
    say(`starting the stack; times of the rules are divided by ${factors()}`);
    stack = await AlertsStack.start();
    stack.traffic.start(STEADY_REQUESTS_PER_SECOND);
  }, START_TIMEOUT_MS);

  beforeEach(async () => {
    await stack.revive();
    await quiet(stack);
  }, COURSE_TIMEOUT_MS);

  afterAll(async () => {
    say('taking the stack away');
    await stack?.stop();
  }, START_TIMEOUT_MS);

  it.each(CASES.map((alertCase) => [idOf(alertCase.alert, alertCase.severity), alertCase.cause, alertCase] as const))(
    '%s: %s; it fires, arrives, and resolves',
    async (_id, _cause, alertCase) => {
      rows.push(await runCourse(stack, alertCase));
    },
    COURSE_TIMEOUT_MS,
  );

  it(
    `control run: in ${CONTROL_MINUTES} minutes of normal life nothing fires`,
    async () => {
      const control = await runControl(stack);

      if (process.env['UPDATE_TIMELINE'] === '1') updatePicture(rows, control);
    },
    COURSE_TIMEOUT_MS + CONTROL_MINUTES * 60_000,
  );

  it(
    'outside of production a critical alert goes to Slack, not to the pager',
    async () => {
      const byFlag = CASES.find(({ cause }) => cause === METRICS_OFF);
      await stack.setEnvironment('non-prod');

      await runCourse(stack, byFlag!, 'non-prod');
    },
    COURSE_TIMEOUT_MS,
  );
});

function updatePicture(rows: readonly TimelineRow[], control: ControlTimes): void {
  if (rows.length < CASES.length) throw new Error('a picture needs a whole run, in which all tests pass');
  const note = `One run of npm run test:alerts. Its difference from production: time. The windows of the rules are divided by ${factors()}.`;
  writeFileSync(PICTURE, drawTimeline(rows, control, note));
  say(`wrote ${PICTURE}`);
}

function factors(): string {
  const others = Object.entries(SCALE.groupFactors).map(([group, factor]) => `${factor} in the group ${group}`);
  return [SCALE.factor, ...others].join(', by ');
}
