import { diag } from '@opentelemetry/api';
import { getNumberFromEnv, getStringFromEnv } from '@opentelemetry/core';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';

/**
 * OpenTelemetry's own settings, which the SDK stopped reading by itself in version 3 and this service passes on as
 * they are (https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
 */

/** The first of `keys` that holds a positive number, else `fallback`. */
export function positiveFromEnvironment(keys: readonly string[], fallback: number): number {
  for (const key of keys) {
    const value = getNumberFromEnv(key);
    if (value !== undefined && value > 0) return value;
  }
  return fallback;
}

/** Where spans go: the traces' own endpoint as it is, else `/v1/traces` under the base; `undefined` without either. */
export function tracesUrl(base: string | undefined): string | undefined {
  const own = getStringFromEnv('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  if (own !== undefined) return own;
  return base === undefined ? undefined : `${base.replace(/\/+$/, '')}/v1/traces`;
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
      diag.warn('OTEL_TRACES_SAMPLER holds no known sampler, parentbased_always_on is used');
      return new ParentBasedSampler({ root: new AlwaysOnSampler() });
  }
}

function samplingRatio(): number {
  const ratio = getNumberFromEnv('OTEL_TRACES_SAMPLER_ARG') ?? 1;
  if (ratio >= 0 && ratio <= 1) return ratio;
  diag.warn('OTEL_TRACES_SAMPLER_ARG is no ratio between 0 and 1, 1 is used');
  return 1;
}
