import type { AlertsStack } from './stack.js';

/** One alert, and how it is made to fire. */
export interface AlertCase {
  readonly alert: string;
  readonly severity: 'critical' | 'warning' | 'info';
  /** What is done, in a few words: for the test's name and for the picture. */
  readonly cause: string;
  /** Its summary once it is rendered. */
  readonly summary: RegExp;
  /** uid of the dashboard it leads to. */
  readonly dashboard: string;
  begin(stack: AlertsStack): Promise<void> | void;
  heal(stack: AlertsStack): Promise<void> | void;
  /** Other alerts that the cause explains, by id: they may fire, before or after, and arrive. */
  readonly explains?: readonly string[];
  /** Lower alerts that the cause explains, by id: they may fire, and must not arrive while this one does. */
  readonly holdsBack?: readonly string[];
}

/** The name of an alert, and its severity, since two may share a name: `HelloWorldNotReady (critical)`. */
export function idOf(alert: string | undefined, severity: string | undefined): string {
  return `${alert} (${severity})`;
}
