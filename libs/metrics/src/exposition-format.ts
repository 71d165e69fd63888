import { openMetricsContentType, prometheusContentType, type RegistryContentType } from 'prom-client';

/** How metrics are written: Prometheus' classic text 0.0.4, or OpenMetrics 1.0 with exemplars. */
export type ExpositionFormat = 'classic' | 'openmetrics';

export const CONTENT_TYPES: Readonly<Record<ExpositionFormat, RegistryContentType>> = {
  classic: prometheusContentType,
  openmetrics: openMetricsContentType,
};

/** A weight (RFC 9110, section 12.4.2). */
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;
const CLASSIC_VERSION = '0.0.4';
const OPENMETRICS_VERSIONS = new Set(['0.0.1', '1.0.0']);

/**
 * The format a client prefers: of the media ranges we can serve the one with the highest weight, of equal ones the
 * first, as Go's `promhttp` does. A client that takes neither gets the classic text all the same.
 *
 * @param accept the `Accept` header (RFC 9110, section 12.5.1)
 */
export function negotiateFormat(accept: string | undefined): ExpositionFormat {
  let preferred: ExpositionFormat = 'classic';
  let highest = 0;
  for (const range of accept?.toLowerCase().split(',') ?? []) {
    const [type = '', ...rest] = range.split(';').map((part) => part.trim());
    const parameters = new Map(rest.map(parseParameter));
    const format = formatOf(type, parameters.get('version'));
    const weight = weightOf(parameters.get('q'));
    if (format === undefined || weight <= highest) continue;
    preferred = format;
    highest = weight;
  }
  return preferred;
}

function parseParameter(text: string): [name: string, value: string] {
  const [name = '', value = ''] = text.split('=', 2);
  return [name.trim(), value.trim().replace(/^"(.*)"$/, '$1')];
}

/** A version that we do not speak is no match: Prometheus names several in one header. */
function formatOf(type: string, version: string | undefined): ExpositionFormat | undefined {
  switch (type) {
    case 'application/openmetrics-text':
      return version === undefined || OPENMETRICS_VERSIONS.has(version) ? 'openmetrics' : undefined;
    case 'text/plain':
      return version === undefined || version === CLASSIC_VERSION ? 'classic' : undefined;
    case 'text/*':
    case '*/*':
      return 'classic';
    default:
      return undefined;
  }
}

function weightOf(q: string | undefined): number {
  if (q === undefined) return 1;
  return WEIGHT.test(q) ? Number(q) : 0;
}
