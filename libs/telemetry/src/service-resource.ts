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

/**
 * What every span says of its origin. `OTEL_RESOURCE_ATTRIBUTES` adds to it but does not override: spans and log
 * lines must name the service alike (https://opentelemetry.io/docs/specs/otel/resource/sdk/).
 */
export function serviceResource(service: ServiceConfig): Resource {
  return defaultResource()
    .merge(detectResources({ detectors: [resourceAttributesEnvDetector] }))
    .merge(
      resourceFromAttributes({
        [ATTR_SERVICE_NAME]: service.name,
        [ATTR_SERVICE_VERSION]: service.version,
        [ATTR_SERVICE_INSTANCE_ID]: service.instance,
        [ATTR_DEPLOYMENT_ENVIRONMENT_NAME]: service.environment,
      }),
    );
}
