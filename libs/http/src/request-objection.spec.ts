import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { objectionTo } from './request-objection.js';

const request = (headers: Record<string, string>, [major, minor] = [1, 1]): IncomingMessage =>
  ({ headers, httpVersionMajor: major, httpVersionMinor: minor }) as unknown as IncomingMessage;

describe('objection to the head of a request', () => {
  it.each(['x', 'hello.example.com:8080', '[2001:db8::1]:80', '', 'a_b~c%20'])('none for the host "%s"', (host) => {
    expect(objectionTo(request({ host }))).toBeUndefined();
  });

  it.each(['a b', 'a,b', 'a/b', 'a?b', 'a#b', 'user@a', 'a\\b', '<a>', '"a"', 'ä'])('400 for the host "%s"', (host) => {
    expect(objectionTo(request({ host }))?.getStatus()).toBe(400);
  });

  it('400 for no host at all, unless it is HTTP/1.0', () => {
    expect(objectionTo(request({}))?.getStatus()).toBe(400);
    expect(objectionTo(request({}, [1, 0]))).toBeUndefined();
  });

  it('400 for a request without a version', () => {
    expect(objectionTo(request({ host: 'x' }, [0, 9]))?.getStatus()).toBe(400);
  });

  it('400 for a transfer coding that is not chunked, or of HTTP/1.0', () => {
    expect(objectionTo(request({ host: 'x', 'transfer-encoding': 'Chunked' }))).toBeUndefined();
    expect(objectionTo(request({ host: 'x', 'transfer-encoding': 'gzip, chunked' }))?.getStatus()).toBe(400);
    expect(objectionTo(request({ host: 'x', 'transfer-encoding': 'chunked' }, [1, 0]))?.getStatus()).toBe(400);
  });

  it('417 for an expectation that is not 100-continue, in whatever case', () => {
    expect(objectionTo(request({ host: 'x', expect: '100-Continue' }))).toBeUndefined();
    expect(objectionTo(request({ host: 'x', expect: '100-continue, more' }))?.getStatus()).toBe(417);
  });
});
