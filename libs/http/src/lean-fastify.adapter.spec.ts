import { describe, expect, it } from '@jest/globals';
import { type FastifyInstance, fastify } from 'fastify';
import { LeanFastifyAdapter } from './lean-fastify.adapter.js';

describe('LeanFastifyAdapter', () => {
  it('adds no listener of its own to an answer', async () => {
    const instance = new LeanFastifyAdapter(fastify()).getInstance<FastifyInstance>();
    const listeners = new Promise<number>((resolve) => {
      instance.get('/', (_request, reply) => {
        resolve(reply.raw.listenerCount('finish') + reply.raw.listenerCount('error'));
        reply.send('done');
      });
    });

    const url = await instance.listen({ host: '127.0.0.1', port: 0 });
    await fetch(url);

    // One is Node's: it sees to the next request of the connection.
    expect(await listeners).toBe(1);
    await instance.close();
  });

  it('leaves Fastify the hooks that others add', async () => {
    const instance = new LeanFastifyAdapter(fastify()).getInstance<FastifyInstance>();
    const seen: string[] = [];
    instance.addHook('onRequest', (_request, _reply, done) => done(void seen.push('request')));
    instance.addHook('onResponse', (_request, _reply, done) => done(void seen.push('response')));
    instance.get('/', (_request, reply) => reply.send('done'));

    await instance.inject('/');

    expect(seen).toEqual(['request', 'response']);
    await instance.close();
  });

  it('tells who asks for the hook it leaves out what to do', () => {
    const adapter = new LeanFastifyAdapter(fastify());

    expect(() => adapter.setOnResponseHook()).toThrow(/addHook\('onResponse'/);
  });
});
