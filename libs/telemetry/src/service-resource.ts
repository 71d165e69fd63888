import { getStringFromEnv } from '@opentelemetry/core';
import {
  defaultResource,
  detectResources,
  type Resource,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
} from '@opentelemetry/resources';
import {
  ATTR_DEPLOYMENT_ENVIRONMENT_NAME,
  ATTR_SERVICE_INSTANCE_ID,
  ATTR_SERVICE_NAME,
  ATTR_SERVICE_VERSION,
} from '@opentelemetry/semantic-conventions';
import type { ServiceConfig } from '#libs/config';
import { complain } from './otel-environment.js';

/**
 * What every span says of its origin. `OTEL_RESOURCE_ATTRIBUTES` adds to it but does not override: spans and log
 * lines must name the service alike (https://opentelemetry.io/docs/specs/otel/resource/sdk/).
 */
export function serviceResource(service: ServiceConfig): Resource {
  const fromEnvironment = detectResources({ detectors: [resourceAttributesEnvDetector] });
  // The library drops a list with a mistake in it, and tells nobody.
  const isIgnored = Object.keys(fromEnvironment.attributes).length === 0;
  if (isIgnored && getStringFromEnv('OTEL_RESOURCE_ATTRIBUTES') !== undefined) complain('OTEL_RESOURCE_ATTRIBUTES');
  return defaultResource()
    .merge(fromEnvironment)
    .merge(
      resourceFromAttributes({
        [ATTR_SERVICE_NAME]: service.name,
        [ATTR_SERVICE_VERSION]: service.version,
        [ATTR_SERVICE_INSTANCE_ID]: service.instance,
        [ATTR_DEPLOYMENT_ENVIRONMENT_NAME]: service.environment,
      }),
    );
}
