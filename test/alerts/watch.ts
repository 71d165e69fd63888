import { setTimeout as sleep } from 'node:timers/promises';
import { idOf } from './alert-case.js';
import { patiently } from './patiently.js';
import type { ActiveAlert, AlertRule } from './prometheus-api.js';
import type { Arrival } from './sink.js';
import type { AlertsStack } from './stack.js';

const POLL_MS = 500;
/** So many failures in a row are no hiccup. */
const BLIND_AFTER = 5;
/** Alerting itself, which always fires. */
const WATCHDOG = 'Watchdog';

/** When an alert was first seen in each state, and last seen firing, in milliseconds since the epoch. */
export interface SeenStates {
  pending?: number;
  firing?: number;
  lastFiring?: number;
}

/** Looks at Prometheus and at the sink all the time, and remembers. */
export class AlertWatch {
  /** By id; the watchdog apart. */
  readonly seen = new Map<string, SeenStates>();
  /** What is pending or firing now. */
  active: readonly ActiveAlert[] = [];
  /** What arrived since the begin. */
  arrivals: readonly Arrival[] = [];
  private looked = false;
  private stopped = false;
  private readonly loop: Promise<void>;
  private failure: unknown;

  constructor(
    private readonly stack: AlertsStack,
    readonly startedAt = Date.now(),
  ) {
    this.loop = this.watch();
  }

  /** Waits until something holds of what is known. */
  async until(what: string, holds: () => boolean, timeoutMs: number): Promise<void> {
    const seesAndHolds = (): boolean => {
      this.throwIfBlind();
      return holds();
    };
    await patiently(what, seesAndHolds, timeoutMs);
  }

  /** @throws when Prometheus or the sink has not answered several times in a row */
  throwIfBlind(): void {
    if (this.failure !== undefined) throw this.failure;
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.loop;
  }

  /** Whether nothing is pending or firing, and whatever arrived as firing has arrived as resolved. */
  isQuiet(): boolean {
    return this.looked && this.active.length === 0 && this.unresolved().length === 0;
  }

  /** What a receiver still takes for firing. */
  unresolved(): string[] {
    const last = new Map(
      this.arrivals.map((arrival) => [`${arrival.receiver} ${idOfLabels(arrival)}`, arrival.status]),
    );
    return [...last].filter(([, status]) => status === 'firing').map(([alert]) => alert);
  }

  private async watch(): Promise<void> {
    let failures = 0;
    while (!this.stopped) {
      try {
        await this.look();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures === BLIND_AFTER) this.failure = error;
      }
      await sleep(POLL_MS);
    }
  }

  private async look(): Promise<void> {
    const [rules, arrivals] = await Promise.all([
      this.stack.prometheus.alertRules(),
      this.stack.sink.arrivals(this.startedAt),
    ]);
    this.looked = true;
    this.arrivals = arrivals;
    this.active = rules.filter(isOurs).flatMap(({ alerts }) => alerts);
    for (const alert of this.active) {
      const states = this.seen.get(idOfLabels(alert)) ?? {};
      const now = Date.now();
      states[alert.state] ??= now;
      if (alert.state === 'firing') states.lastFiring = now;
      this.seen.set(idOfLabels(alert), states);
    }
  }
}

function isOurs({ name }: AlertRule): boolean {
  return name !== WATCHDOG;
}

export function idOfLabels({ labels }: { readonly labels: Readonly<Record<string, string>> }): string {
  return idOf(labels['alertname'], labels['severity']);
}
