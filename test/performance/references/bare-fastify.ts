/** The reference: Fastify, and nothing else. */
import { fastify } from 'fastify';

const app = fastify();

app.get('/', (_request, reply) => {
  reply.header('content-type', 'text/plain; charset=utf-8').send('hello world');
});

await app.listen({ host: '127.0.0.1', port: Number(process.env['PORT']) });
