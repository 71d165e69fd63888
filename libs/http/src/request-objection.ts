import type { IncomingMessage } from 'node:http';
import { BadRequestException, HttpException } from '@nestjs/common';

/** RFC 9110, section 7.2: a name or an address, and a port. The comma of a list is not in it, so neither are two hosts. */
const SANE_HOST = /^[\w.~!$&'()*+;=:%[\]-]*$/;

/** What is wrong with the head of a request that the parser let pass, whichever route it asks for. */
export function objectionTo({
  headers,
  httpVersionMajor,
  httpVersionMinor,
}: IncomingMessage): HttpException | undefined {
  const { host, expect } = headers;
  // A request line without a version. Its answer would need to be one without a head.
  if (httpVersionMajor < 1) return new BadRequestException('the version of HTTP is missing');
  if (host === undefined) {
    // HTTP/1.0 has none.
    if (httpVersionMinor > 0) return new BadRequestException('the Host header is missing (RFC 9112, section 3.2)');
  } else if (!SANE_HOST.test(host)) {
    return new BadRequestException('the Host header is not one host (RFC 9112, section 3.2)');
  }
  if (expect !== undefined && expect.toLowerCase() !== '100-continue')
    return new HttpException('no expectation but 100-continue is met (RFC 9110, section 10.1.1)', 417);
  return undefined;
}
