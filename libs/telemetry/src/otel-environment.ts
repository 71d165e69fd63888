import { diag } from '@opentelemetry/api';
import { getBooleanFromEnv, getNumberFromEnv, getStringFromEnv, getStringListFromEnv } from '@opentelemetry/core';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';

/*
 * OpenTelemetry's keys that no library we use reads by itself, by
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/: a bad value counts as not set,
 * with one warning that names the key.
 *
 * Since version 3 the SDK leaves them to its caller (https://github.com/open-telemetry/opentelemetry-js/issues/6595).
 * The package `sdk-node` reads them, but exports none of its readers and brings every exporter there is. This file may
 * go once such a reader can be had by itself. What is not here is read elsewhere: the exporter knows the other
 * `OTEL_EXPORTER_OTLP_*` keys, the resource `OTEL_RESOURCE_ATTRIBUTES`.
 */

/** Longest a timer of Node can run, and more than any count may sensibly be. */
const MOST = 2 ** 31 - 1;

/** Whether `OTEL_SDK_DISABLED` says that no spans may be made at all. */
export function isSdkDisabled(): boolean {
  return getBooleanFromEnv('OTEL_SDK_DISABLED');
}

/** Where spans go, or why they go nowhere, and whether somebody wanted it so. */
export type TraceDestination = { readonly url: string } | { readonly reason: string; readonly chosen: boolean };

/**
 * By `OTEL_TRACES_EXPORTER` and `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, the latter as it is; else `/v1/traces` under the
 * base. A bad endpoint of the traces leads nowhere: whoever sets one does not want them at the base.
 */
export function traceDestination(base: string | undefined): TraceDestination {
  if (!isExporterOtlp()) return { reason: 'OTEL_TRACES_EXPORTER is none', chosen: true };
  const own = getStringFromEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT')?.trim();
  if (own !== undefined) {
    if (isReceiver(own)) return { url: own };
    const reason = 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT is no http:// or https:// URL without credentials';
    return { reason, chosen: false };
  }
  if (base === undefined) return { reason: 'OTEL_EXPORTER_OTLP_ENDPOINT is not set', chosen: false };
  return { url: `${base.replace(/\/+$/, '')}/v1/traces` };
}

/** The whole number that `key` holds, at least `least`; without one `fallback`. */
export function integerFromEnvironment(
  key: string,
  { fallback, least }: { readonly fallback: number; readonly least: number },
): number {
  const value = getNumberFromEnv(key);
  if (value === undefined) return fallback;
  if (Number.isInteger(value) && value >= least && value <= MOST) return value;
  complain(key);
  return fallback;
}

/** The sampler that `OTEL_TRACES_SAMPLER` names; without it the parent's decision, and every trace begun here. */
export function samplerFromEnvironment(): Sampler {
  const name = getStringFromEnv('OTEL_TRACES_SAMPLER')?.trim() ?? 'parentbased_always_on';
  switch (name) {
    case 'always_on':
      return new AlwaysOnSampler();
    case 'always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
      return new TraceIdRatioBasedSampler(samplingRatio());
    case 'parentbased_always_on':
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
    case 'parentbased_always_off':
      return new ParentBasedSampler({ root: new AlwaysOffSampler() });
    case 'parentbased_traceidratio':
      return new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(samplingRatio()) });
    default:
      complain('OTEL_TRACES_SAMPLER');
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
  }
}

/** Tells of a bad value, in OpenTelemetry's own way. */
export function complain(key: string): void {
  diag.warn(badValueOf(key));
}

/** What the log says of a bad value, whoever found it. */
export function badValueOf(key: string): string {
  return `${key} has a value that cannot be used: it counts as not set`;
}

function isExporterOtlp(): boolean {
  const exporters = getStringListFromEnv('OTEL_TRACES_EXPORTER') ?? [];
  if (exporters.includes('none')) return false;
  if (exporters.some((exporter) => exporter !== 'otlp')) complain('OTEL_TRACES_EXPORTER');
  return true;
}

/** The same rule as for `OTEL_EXPORTER_OTLP_ENDPOINT`: credentials belong into `OTEL_EXPORTER_OTLP_HEADERS`. */
function isReceiver(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
}

function samplingRatio(): number {
  const ratio = getNumberFromEnv('OTEL_TRACES_SAMPLER_ARG') ?? 1;
  if (ratio >= 0 && ratio <= 1) return ratio;
  complain('OTEL_TRACES_SAMPLER_ARG');
  return 1;
}
