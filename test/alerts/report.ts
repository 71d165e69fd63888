import type { AlertRule } from './prometheus-api.js';
import type { Arrival } from './sink.js';
import { type AlertsStack, INSTANCES } from './stack.js';
import type { AlertWatch } from './watch.js';

const LOG_LINES = 20;

/** What a person needs who wants to know why an alert did not do what it should. */
export async function reportOn(stack: AlertsStack, watch: AlertWatch, rule: AlertRule): Promise<string> {
  const failed = (error: unknown): string => `cannot be had: ${String(error)}`;
  const [now, value, logs] = await Promise.all([
    stack.prometheus.alertRule(rule.name, rule.labels['severity'] ?? '').then(describe, failed),
    stack.prometheus
      .query(rule.query)
      .then((samples) => lines(samples.map((sample) => JSON.stringify(sample))), failed),
    stack.compose('logs', '--no-color', '--since=2m', ...INSTANCES).then(withoutAccessLog, failed),
  ]);
  return [
    `the rule: ${now}`,
    `its expression:\n${rule.query}`,
    `its value now: ${value}`,
    `what was seen: ${lines([...watch.seen].map(([id, states]) => `${id} ${JSON.stringify(states)}`))}`,
    `what arrived: ${lines(watch.arrivals.map(inShort))}`,
    `the last lines of the instances:\n${logs}`,
  ].join('\n');
}

function describe({ state, health, lastError, duration, alerts }: AlertRule): string {
  const active = lines(alerts.map((alert) => JSON.stringify(alert)));
  return `${state} (for ${duration} s), ${health}${lastError ? `: ${lastError}` : ''}${active}`;
}

function inShort({ at, receiver, status, labels, annotations }: Arrival): string {
  return `${new Date(at).toISOString()} ${receiver} ${status} ${JSON.stringify(labels)} ${annotations['summary']}`;
}

function withoutAccessLog(logs: string): string {
  return logs
    .split('\n')
    .filter((line) => !line.includes('"msg":"request"'))
    .slice(-LOG_LINES)
    .join('\n');
}

function lines(texts: readonly string[]): string {
  return texts.length === 0 ? 'nothing' : texts.map((text) => `\n  ${text}`).join('');
}
