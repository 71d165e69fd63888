/** Queries of panels: one data source, and the series that the dashboard's variables select. */
import type { DataSourceRef } from '@grafana/grafana-foundation-sdk/common';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';

/** The Prometheus that the reader has chosen. */
export const DATASOURCE: DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

/** Of the service, or of one of two services side by side: what alerts and recording rules are labelled with. */
const RELEASE = ['namespace="$namespace"', 'job=~"$job"'];
const INSTANCES = [...RELEASE, 'instance=~"$instance"'];

/** The series of a metric, of the instances that are chosen. */
export function series(metric: string, ...matchers: readonly string[]): string {
  return select(metric, [...INSTANCES, ...matchers]);
}

/** The series of a metric, of all instances; and of alerts and recording rules, most of which have no instance. */
export function ofRelease(metric: string, ...matchers: readonly string[]): string {
  return select(metric, [...RELEASE, ...matchers]);
}

/** The per-second rate of a counter. The interval is Grafana's: never shorter than four scrapes. */
export function rate(counter: string, ...matchers: readonly string[]): string {
  return `rate(${series(counter, ...matchers)}[$__rate_interval])`;
}

export function select(metric: string, matchers: readonly string[]): string {
  return `${metric}{${matchers.join(', ')}}`;
}

/** A curve for each series. */
export function over(expression: string, legend: string): DataqueryBuilder {
  return query(expression).range().legendFormat(legend);
}

/** A curve for each series, with the traces of single requests beside it. */
export function withExemplars(expression: string, legend: string): DataqueryBuilder {
  return over(expression, legend).exemplar(true);
}

/** What holds now, or at the end of the time that is shown. */
export function now(expression: string, legend: string): DataqueryBuilder {
  return query(expression).instant().legendFormat(legend);
}

/** What holds now, a row for each series and a column for each label. */
export function rows(expression: string): DataqueryBuilder {
  return query(expression).instant().format(PromQueryFormat.Table);
}

function query(expression: string): DataqueryBuilder {
  return new DataqueryBuilder().datasource(DATASOURCE).expr(expression);
}
