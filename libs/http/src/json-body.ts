import type { FastifyInstance } from 'fastify';

declare module 'fastify' {
  interface FastifyRequest {
    /** The JSON body as it was sent; `undefined` without one. It still shows what parsing hides: a key given twice. */
    bodyText: string | undefined;
  }
}

/** The service reads JSON bodies (RFC 8259) and no other: every other type is a 415, a poisoned prototype a 400. */
export function acceptJsonBodies(fastify: FastifyInstance): void {
  const parse = fastify.getDefaultJsonParser('error', 'error');
  fastify.decorateRequest('bodyText', undefined);
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, text, done) => {
    request.bodyText = text;
    void parse(request, text, done);
  });
}
