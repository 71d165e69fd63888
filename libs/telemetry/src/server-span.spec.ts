import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { RequestContext, UNMATCHED_ROUTE } from '#libs/http';
import { requestAttributes, serverSpanName } from './server-span.js';

function contextOf(method: string, route: string): RequestContext {
  return new RequestContext('id', method, route, false, 0);
}

function requestOf(overrides: {
  method?: string;
  url?: string;
  headers?: object;
  hostname?: string;
  port?: number | null;
}) {
  const { method = 'GET', url = '/', headers = {}, hostname = 'service.example', port = null } = overrides;
  const raw = { method, url, httpVersion: '1.1', socket: { remoteAddress: '192.0.2.1' } };
  return { raw, headers, hostname, port, protocol: 'http', ip: '192.0.2.1' } as unknown as FastifyRequest;
}

describe('serverSpanName', () => {
  it.each([
    ['GET', '/orders/:id', 'GET /orders/:id'],
    ['GET', UNMATCHED_ROUTE, 'GET'],
    ['OTHER', '/orders/:id', 'HTTP /orders/:id'],
    ['OTHER', UNMATCHED_ROUTE, 'HTTP'],
  ])('of %s on %s is %s', (method, route, expected) => {
    expect(serverSpanName(contextOf(method, route))).toBe(expected);
  });
});

describe('requestAttributes', () => {
  it('of a request on a route follow the semantic conventions', () => {
    const request = requestOf({ url: '/orders/7', headers: { 'user-agent': 'curl/8' }, port: 8080 });

    const attributes = requestAttributes(contextOf('GET', '/orders/:id'), request);

    expect(attributes).toEqual({
      'http.request.method': 'GET',
      'http.route': '/orders/:id',
      'url.scheme': 'http',
      'url.path': '/orders/7',
      'server.address': 'service.example',
      'server.port': 8080,
      'client.address': '192.0.2.1',
      'network.protocol.version': '1.1',
      'user_agent.original': 'curl/8',
    });
  });

  it('of a request that no route serves have no route', () => {
    const attributes = requestAttributes(contextOf('GET', UNMATCHED_ROUTE), requestOf({ url: '/nowhere' }));

    expect(attributes).not.toHaveProperty('http.route');
  });

  it('of an unknown method keep the original beside _OTHER', () => {
    const attributes = requestAttributes(contextOf('OTHER', UNMATCHED_ROUTE), requestOf({ method: 'PROPFIND' }));

    expect(attributes).toMatchObject({ 'http.request.method': '_OTHER', 'http.request.method_original': 'PROPFIND' });
  });

  it('of a request without Host have no server address', () => {
    const attributes = requestAttributes(contextOf('GET', '/'), requestOf({ hostname: '' }));

    expect(attributes).not.toHaveProperty('server.address');
    expect(attributes).not.toHaveProperty('server.port');
  });

  it.each([
    ['/a?token=secret', '/a'],
    ['/a#secret', '/a'],
    ['/a?b=http://c/d?e', '/a'],
    ['http://user:secret@host:80/a?secret', '/a'],
    ['http://user:secret@host', ''],
    ['*', '*'],
  ])('of the target %s have the path %s: nothing of a query, nothing of credentials', (url, expected) => {
    expect(requestAttributes(contextOf('GET', '/a'), requestOf({ url }))['url.path']).toBe(expected);
  });
});
