import { describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { AllowedMethods } from './allowed-methods.js';

describe('allowed methods', () => {
  const server = fastify();
  const allowed = new AllowedMethods(server);
  server.get('/orders/:id', () => '');
  server.route({ method: ['PUT', 'DELETE'], url: '/orders/:id', handler: () => '' });
  server.get('/probe', { config: { management: true } }, () => '');
  const everywhere = (): boolean => true;
  const onPublicOnly = (management: boolean): boolean => !management;

  it('of a path are those of all its routes', () => {
    expect(allowed.find('/orders/7', everywhere)?.split(', ').sort()).toEqual(['DELETE', 'GET', 'HEAD', 'PUT']);
  });

  it.each(['/', '/orders', '/orders/7/items', '/%zz', '', 'orders/7'])('of "%s", an unknown path, are none', (path) => {
    expect(allowed.find(path, everywhere)).toBeUndefined();
  });

  it('of a path that the other listener serves are none', () => {
    expect(allowed.find('/probe', onPublicOnly)).toBeUndefined();
    expect(allowed.find('/probe', everywhere)).toBe('GET, HEAD');
  });
});
