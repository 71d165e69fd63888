import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { factorOf } from './derived-config.js';
import { patiently } from './patiently.js';
import { say } from './progress.js';
import { type AlertsStack, INSTANCES } from './stack.js';
import type { ControlTimes } from './timeline.js';
import { AlertWatch } from './watch.js';

/** The hour of HelloWorldRestartingOften, shortened: a rolling restart is not the third one. */
const RESTARTS_WINDOW_S = 3_600 / factorOf('HelloWorldRestartingOften');

/** How long it lasts, in minutes. */
export const CONTROL_MINUTES = Number(process.env['CONTROL_MINUTES'] ?? 10);

interface ControlEvent {
  /** At which share of the time it happens. */
  readonly at: number;
  readonly what: string;
  readonly happen: (stack: AlertsStack) => Promise<void> | void;
}

const EVENTS: readonly ControlEvent[] = [
  {
    at: 0.2,
    what: 'rolling restart',
    async happen(stack) {
      for (const instance of INSTANCES) {
        await stack.restart(instance);
        await stack.isReady(instance);
        say(`control run: ${instance} is back`);
      }
    },
  },
  { at: 0.5, what: 'tracing is switched on', happen: (stack) => stack.setFlags({ tracing: true }) },
  { at: 0.8, what: 'and off', happen: (stack) => stack.setFlags({ tracing: false }) },
];

/**
 * Normal life: steady traffic, a rolling restart, a flag flip. Nothing fires and nothing is delivered but the watchdog.
 */
export async function runControl(stack: AlertsStack): Promise<ControlTimes> {
  const seconds = CONTROL_MINUTES * 60;
  say('control run: waiting until the restarts before it are forgotten');
  await patiently('no restart within the window', () => noRestarts(stack), RESTARTS_WINDOW_S * 2_000);
  const watch = new AlertWatch(stack);
  const before = stack.traffic.counts;
  const events: { at: number; what: string }[] = [];
  const elapsed = (): number => (Date.now() - watch.startedAt) / 1_000;
  try {
    for (const { at, what, happen } of EVENTS) {
      await sleep(Math.max(0, at * seconds - elapsed()) * 1_000);
      say(`control run: ${what}`);
      events.push({ at: elapsed(), what });
      await happen(stack);
    }
    await sleep(Math.max(0, seconds - elapsed()) * 1_000);
  } finally {
    await watch.stop();
  }

  watch.throwIfBlind();
  const sent = stack.traffic.counts.sent - before.sent;
  const failed = stack.traffic.counts.failed - before.failed;
  const heartbeats = await stack.sink.heartbeats(watch.startedAt);
  say(`control run: ${sent} requests, ${failed} of them in vain; ${heartbeats} heartbeats of the watchdog`);
  const fired = [...watch.seen].filter(([, { firing }]) => firing !== undefined).map(([id]) => id);
  expect({ fired, arrivals: watch.arrivals }).toEqual({ fired: [], arrivals: [] });
  // It was silent, not dead.
  expect(heartbeats).toBeGreaterThan(0);
  expect(sent).toBeGreaterThan(seconds);
  return { seconds: elapsed(), events };
}

async function noRestarts(stack: AlertsStack): Promise<boolean> {
  const restarts = `changes(process_start_time_seconds{job="hello-world"}[${RESTARTS_WINDOW_S}s]) > 0`;
  return (await stack.prometheus.query(restarts)).length === 0;
}
