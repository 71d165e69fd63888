import type { IncomingMessage } from 'node:http';
import { BadRequestException, HttpException } from '@nestjs/common';

const CODED_BEFORE_CHUNKED = /,\s*chunked\s*$/i;

/** RFC 9110, section 7.2: a name or an address, and a port. The comma of a list is not in it, so neither are two hosts. */
const SANE_HOST = /^[\w.~!$&'()*+;=:%[\]-]*$/;

/** What is wrong with the head of a request that the parser let pass, whichever route it asks for. */
export function objectionTo({
  headers,
  httpVersionMajor,
  httpVersionMinor,
}: IncomingMessage): HttpException | undefined {
  const { host, expect, 'transfer-encoding': transferEncoding } = headers;
  // A request line without a version. Its answer would need to be one without a head.
  if (httpVersionMajor < 1) return new BadRequestException('the version of HTTP is missing');
  if (host === undefined) {
    // HTTP/1.0 has none.
    if (httpVersionMinor > 0) return new BadRequestException('the Host header is missing (RFC 9112, section 3.2)');
  } else if (!SANE_HOST.test(host)) {
    return new BadRequestException('the Host header is not one host (RFC 9112, section 3.2)');
  }
  // Another server before this one may have read such a body otherwise (RFC 9112, section 6.1). What does not end in
  // "chunked" the parser refuses by itself.
  if (transferEncoding !== undefined && (CODED_BEFORE_CHUNKED.test(transferEncoding) || httpVersionMinor === 0))
    return new BadRequestException('no transfer coding but chunked of HTTP/1.1 is read');
  if (expect !== undefined && expect.toLowerCase() !== '100-continue')
    return new HttpException('no expectation but 100-continue is met (RFC 9110, section 10.1.1)', 417);
  return undefined;
}
