import { expect } from '@jest/globals';
import { LOCAL_GRAFANA_URL, RUNBOOKS_URL } from '../../scripts/monitoring/links.ts';
import type { AlertCase } from './alert-case.js';
import type { EnvironmentName } from './derived-config.js';
import type { Arrival } from './sink.js';

/** What no text may contain: a template that was not rendered, or found nothing. */
const NOT_RENDERED = /\{\{|\}\}|<no value>|<error|%!|NaN/;

/** Where Alertmanager sends an alert; see monitoring/alertmanager/alertmanager.yml. */
export function receiverOf({ severity }: Pick<AlertCase, 'severity'>, environment: EnvironmentName): string {
  switch (severity) {
    case 'critical':
      return environment === 'prod' ? 'pager' : 'slack';
    case 'warning':
      return 'slack';
    case 'info':
      return 'slack-digest';
  }
}

/** An alert has exactly the labels that everybody relies on, and annotations that somebody woken up can use. */
export function expectArrival(arrival: Arrival, alertCase: AlertCase, environment: EnvironmentName): void {
  const { alert, severity, summary, dashboard } = alertCase;
  expect({ receiver: arrival.receiver, labels: arrival.labels }).toEqual({
    receiver: receiverOf(alertCase, environment),
    labels: { alertname: alert, severity, service: 'hello-world', environment, namespace: 'local', job: 'hello-world' },
  });
  expect(arrival.annotations).toEqual({
    summary: expect.stringMatching(summary),
    description: expect.stringMatching(/^\S.*\S/s),
    runbook_url: `${RUNBOOKS_URL}/${alert}.md`,
    dashboard_url: `${LOCAL_GRAFANA_URL}/d/${dashboard}?var-namespace=local&var-job=hello-world`,
  });
  for (const text of Object.values(arrival.annotations)) expect(text).not.toMatch(NOT_RENDERED);
}
