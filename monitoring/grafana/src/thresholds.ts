/** Colours of values. Where an alert has a threshold, or an objective is stated, it is that one. */
import { ThresholdsConfigBuilder, ThresholdsMode } from '@grafana/grafana-foundation-sdk/dashboard';

/** From which value on an alert of monitoring/prometheus-rules.yaml fires; "more than 0" of what is counted is 1. */
export const ALERT_AT = {
  HelloWorldDatabasePoolExhausted: 1,
  HelloWorldEventLoopLag: 0.1,
  HelloWorldHighErrorRate: 0.05,
  HelloWorldHighLatencyP95: 0.5,
  HelloWorldMemoryNearLimit: 0.9,
  HelloWorldMetricsHandlerErrors: 1,
  HelloWorldMigrationsPending: 1,
  HelloWorldRestartingOften: 3,
  HelloWorldTelemetryDropped: 1,
} as const;

/** Below which value the alert on a certificate fires, in seconds. */
export const CERTIFICATE_EXPIRES_WITHIN = 7 * 86_400;

/** Burn rates above which the alerts on the error budgets fire, by the longer and the shorter of their windows. */
export const BURN_RATES = { slow: [1, 3], fast: [6, 14.4] } as const;

/** The objectives of monitoring/slo/hello-world.yaml: the share of requests that must be good. */
export const OBJECTIVES = { availability: 0.999, latency: 0.99 } as const;

/** The time that the objectives are over, in seconds: 30 days. */
export const PERIOD_SECONDS = 30 * 86_400;

const GOOD = 'green';
const NOTE = 'yellow';
const WARN = 'orange';
const BAD = 'red';

/** Bad from this value on. */
export function badFrom(bad: number): ThresholdsConfigBuilder {
  return steps([GOOD, null], [BAD, bad]);
}

/** Bad below this value. */
export function goodFrom(good: number): ThresholdsConfigBuilder {
  return steps([BAD, null], [GOOD, good]);
}

/** What is left of a budget: nothing is bad, a quarter is a warning. */
export function budgetLeft(): ThresholdsConfigBuilder {
  return steps([BAD, null], [WARN, 0], [GOOD, 0.25]);
}

export function burnRate(): ThresholdsConfigBuilder {
  const [note, warn] = [BURN_RATES.slow[0], BURN_RATES.fast[0]];
  return steps([GOOD, null], [NOTE, note], [WARN, warn], [BAD, BURN_RATES.fast[1]]);
}

function steps(...of: readonly (readonly [color: string, value: number | null])[]): ThresholdsConfigBuilder {
  const steps = of.map(([color, value]) => ({ color, value }));
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}
