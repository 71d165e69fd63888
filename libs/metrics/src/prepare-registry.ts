import { collectDefaultMetrics, type Registry, type RegistryContentType, register } from 'prom-client';
import { CONTENT_TYPES } from './exposition-format.js';

/** Gauges that prom-client names as if they were counters; each has a sibling that says the same by type. */
const MISNAMED_GAUGES = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

/**
 * Makes prom-client's registry ready for the first metric: exemplars are taken only by one whose format is
 * OpenMetrics already. Then adds the metrics of Node itself: event-loop lag, memory, garbage collection, handles.
 */
export function prepareRegistry(): void {
  (register as unknown as Registry<RegistryContentType>).setContentType(CONTENT_TYPES.openmetrics);
  collectDefaultMetrics();
  for (const name of MISNAMED_GAUGES) register.removeSingleMetric(name);
}
