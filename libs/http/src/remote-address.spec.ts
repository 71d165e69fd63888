import { describe, expect, it } from '@jest/globals';
import type { FastifyRequest } from 'fastify';
import { remoteAddressOf } from './remote-address.js';

const request = (ip: string, socketAddress?: string): FastifyRequest =>
  ({ ip, raw: { socket: { remoteAddress: socketAddress } } }) as unknown as FastifyRequest;

describe('remote address', () => {
  it.each(['203.0.113.9', '2001:db8::7', '::ffff:203.0.113.9'])('%s is the one of the client', (ip) => {
    expect(remoteAddressOf(request(ip, '127.0.0.1'))).toBe(ip);
  });

  it.each(['not an address', '"><script>', '203.0.113.9:4711', ''])(
    'of the proxy, where the proxy passed on "%s"',
    (ip) => {
      expect(remoteAddressOf(request(ip, '127.0.0.1'))).toBe('127.0.0.1');
      expect(remoteAddressOf(request(ip))).toBeUndefined();
    },
  );
});
