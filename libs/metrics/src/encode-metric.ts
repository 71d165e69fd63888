import { type Gauge, type Metric, Registry, type RegistryContentType } from 'prom-client';
import { CONTENT_TYPES, type ExpositionFormat } from './exposition-format.js';

/** What a metric holds at one moment, as prom-client hands it out. */
export type MetricSnapshot = Awaited<ReturnType<Gauge['get']>>;

/**
 * Writes one metric: `# HELP`, `# TYPE` and its samples, without a line break at the end.
 *
 * The text is prom-client's own, of a registry that holds nothing but this snapshot. Its global registry has one
 * format for all time and, in OpenMetrics, takes `_total` off the name of each counter at the first scrape for good
 * (https://github.com/prometheus/client_js/issues/829); here it can only rename a copy. Once that is solved, a plain
 * `register.metrics()` will do.
 */
export async function encodeMetric(snapshot: MetricSnapshot, format: ExpositionFormat): Promise<string> {
  const name = nameOf(snapshot, format);
  const copy = { ...snapshot, name };
  const registry = new Registry<RegistryContentType>();
  registry.setContentType(CONTENT_TYPES[format]);
  registry.registerMetric({ ...copy, get: () => Promise.resolve(copy) } as unknown as Metric);
  return registry.getSingleMetricAsString(name);
}

/**
 * The name after `# TYPE`. A counter's samples end in `_total` in both formats; OpenMetrics names the family without
 * it (section "Counter") and prom-client then adds it to the samples, the classic text has it everywhere.
 */
function nameOf({ name, type }: MetricSnapshot, format: ExpositionFormat): string {
  if (String(type) !== 'counter') return name;
  const family = name.replace(/_total$/, '');
  return format === 'openmetrics' ? family : `${family}_total`;
}
