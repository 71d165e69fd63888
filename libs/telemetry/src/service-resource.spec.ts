import { afterEach, describe, expect, it } from '@jest/globals';
import { serviceResource } from './service-resource.js';

const SERVICE = {
  name: 'hello-world',
  version: '1.2.3',
  revision: 'abc',
  environment: 'non-prod',
  instance: 'hello-world-7d4',
} as const;

afterEach(() => {
  delete process.env['OTEL_RESOURCE_ATTRIBUTES'];
});

describe('serviceResource', () => {
  it('names service, version, environment, instance and SDK', () => {
    expect(serviceResource(SERVICE).attributes).toMatchObject({
      'service.name': 'hello-world',
      'service.version': '1.2.3',
      'service.instance.id': 'hello-world-7d4',
      'deployment.environment.name': 'non-prod',
      'telemetry.sdk.name': 'opentelemetry',
      'telemetry.sdk.language': 'nodejs',
    });
  });

  it('given OTEL_RESOURCE_ATTRIBUTES, adds them but keeps its own', () => {
    process.env['OTEL_RESOURCE_ATTRIBUTES'] = 'k8s.namespace.name=apps,service.version=0.0.0';

    const { attributes } = serviceResource(SERVICE);

    expect(attributes).toMatchObject({ 'k8s.namespace.name': 'apps', 'service.version': '1.2.3' });
  });

  it('given an unreadable OTEL_RESOURCE_ATTRIBUTES, does without', () => {
    process.env['OTEL_RESOURCE_ATTRIBUTES'] = '%%%,,==';

    expect(serviceResource(SERVICE).attributes['service.name']).toBe('hello-world');
  });
});
