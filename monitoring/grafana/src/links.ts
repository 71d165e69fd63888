import { DashboardLinkBuilder, DashboardLinkType } from '@grafana/grafana-foundation-sdk/dashboard';
import { RUNBOOKS_URL } from '../../../scripts/monitoring/links.ts';

/** The tag by which the dashboards of this service find each other. */
export const TAG = 'hello-world';

/** The other dashboards, for the same release and the same time. */
export function toDashboards(): DashboardLinkBuilder {
  return new DashboardLinkBuilder('Dashboards')
    .type(DashboardLinkType.Dashboards)
    .tags([TAG])
    .includeVars(true)
    .keepTime(true);
}

export function toRunbooks(): DashboardLinkBuilder {
  return link('Runbooks', RUNBOOKS_URL).icon('doc');
}

/** What to do about an alert whose threshold a panel shows. */
export function toRunbook(alert: string): DashboardLinkBuilder {
  return link(`Runbook: ${alert}`, runbookUrl(alert));
}

/** @param alert its name, or one of Grafana's variables that holds it */
export function runbookUrl(alert: string): string {
  return `${RUNBOOKS_URL}/${alert}.md`;
}

function link(title: string, url: string): DashboardLinkBuilder {
  return new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url).targetBlank(true);
}
