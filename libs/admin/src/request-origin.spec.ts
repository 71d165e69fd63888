import { describe, expect, it } from '@jest/globals';
import { isForeignRequest, isLocalHost } from './request-origin.js';

describe('isLocalHost', () => {
  it.each([
    'localhost',
    'localhost:8080',
    'LOCALHOST',
    'a.localhost',
    '127.0.0.1',
    '127.9.9.9:1',
    '[::1]:8080',
    'hello-world:80',
  ])('takes %s', (header) => {
    expect(isLocalHost(header, 'hello-world')).toBe(true);
  });

  it.each([
    undefined,
    '',
    'example.com',
    'localhost.example.com',
    '127.0.0.1.example.com',
    '10.0.0.1',
    '[::2]',
    'evil.com#localhost',
    'localhost@evil.com',
    'hello-world.evil.com',
  ])('refuses %s', (header) => {
    expect(isLocalHost(header, 'hello-world')).toBe(false);
  });
});

describe('isForeignRequest', () => {
  it.each([
    [{}, false],
    [{ host: 'localhost:8080', origin: 'http://localhost:8080' }, false],
    [{ host: 'localhost:8080', 'sec-fetch-site': 'same-origin' }, false],
    [{ host: 'localhost:8080', origin: 'http://localhost:9090' }, true],
    [{ host: 'localhost:8080', origin: 'https://example.com' }, true],
    [{ host: 'localhost:8080', origin: 'null' }, true],
    [{ host: 'a:b:c', origin: 'null' }, true],
    [{ origin: 'null' }, true],
    [{ host: 'localhost:8080', 'sec-fetch-site': 'cross-site' }, true],
  ])('%j: %s', (headers, expected) => {
    expect(isForeignRequest(headers)).toBe(expected);
  });
});
