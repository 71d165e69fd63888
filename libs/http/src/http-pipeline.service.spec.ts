import { describe, expect, it } from '@jest/globals';
import { Injectable, Logger } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { type FastifyInstance, fastify } from 'fastify';
import { loadConfig } from '#libs/config';
import { Connections } from './connections.service.js';
import { REQUEST_PIPELINE, type RequestPipeline } from './http.constants.js';
import { HttpPipeline } from './http-pipeline.service.js';
import { currentRequest, type RequestContext } from './request-context.js';
import type { AroundRequestStage, OnRequestStage, OnResponseStage, OnSendStage } from './request-stage.js';

/** Which stages ran, and in whose request. */
let seen: string[] = [];
const see = (stage: string, context: RequestContext | undefined): number =>
  seen.push(`${stage} ${String(context?.route)}`);

@Injectable()
class FirstStage implements OnRequestStage, OnSendStage, OnResponseStage {
  onRequest(context: RequestContext): void {
    see('first', context);
  }
  onSend(context: RequestContext): void {
    see('send', context);
  }
  onResponse(context: RequestContext): void {
    see('response', context);
  }
}

@Injectable()
class SlowStage implements OnRequestStage {
  async onRequest(context: RequestContext): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    see('slow', context);
  }
}

@Injectable()
class AroundStage implements AroundRequestStage {
  aroundRequest(context: RequestContext, _request: unknown, next: () => void): void {
    see('around', context);
    next();
  }
}

@Injectable()
class FailingStage implements OnRequestStage, OnResponseStage {
  onRequest(): Promise<void> {
    return Promise.reject(new Error('this stage failed'));
  }
  onResponse(): void {
    throw new Error('this stage failed');
  }
}

async function serve(pipeline: RequestPipeline): Promise<FastifyInstance> {
  seen = [];
  const module = await Test.createTestingModule({
    providers: [
      { provide: REQUEST_PIPELINE, useValue: pipeline },
      { provide: Connections, useValue: new Connections(loadConfig({})) },
      HttpPipeline,
      FirstStage,
      SlowStage,
      AroundStage,
      FailingStage,
    ],
  }).compile();
  Logger.overrideLogger(false);
  const server = fastify();
  module.get(HttpPipeline).attach(server);
  server.get('/orders/:id', () => {
    see('handler', currentRequest());
    return 'order';
  });
  server.get('/probe', { config: { silent: true } }, () => 'alive');
  return server;
}

describe('pipeline', () => {
  it('runs the stages in their order, whether they wait or not, all in the context of the request', async () => {
    const server = await serve({
      onRequest: [FirstStage, SlowStage, AroundStage],
      onSend: [FirstStage],
      onResponse: [FirstStage],
    });

    await server.inject('/orders/7');

    expect(seen).toEqual(
      ['first', 'slow', 'around', 'handler', 'send', 'response'].map((stage) => `${stage} /orders/:id`),
    );
  });

  it('keeps silent routes away from the stages at their start and end', async () => {
    const server = await serve({ onRequest: [FirstStage], onSend: [FirstStage], onResponse: [FirstStage] });

    await server.inject('/probe');

    expect(seen).toEqual(['send /probe']);
  });

  it('runs the stages for an unknown path, as unmatched', async () => {
    const server = await serve({ onRequest: [FirstStage], onSend: [], onResponse: [FirstStage] });

    const response = await server.inject('/nowhere');

    expect(response.statusCode).toBe(404);
    expect(seen).toEqual(['first unmatched', 'response unmatched']);
  });

  it('fails the request, not the process, when a stage fails before the handler', async () => {
    const server = await serve({ onRequest: [FailingStage], onSend: [], onResponse: [FirstStage] });

    const response = await server.inject('/orders/7');

    expect(response.statusCode).toBe(500);
    expect(seen).toEqual(['response /orders/:id']);
  });

  it('runs the other stages when one fails after the response', async () => {
    const server = await serve({ onRequest: [], onSend: [], onResponse: [FailingStage, FirstStage] });

    const response = await server.inject('/orders/7');

    expect(response.statusCode).toBe(200);
    expect(seen).toEqual(['handler /orders/:id', 'response /orders/:id']);
  });

  it.each([
    ['GET', 'GET'],
    ['PATCH', 'PATCH'],
    ['PROPFIND', 'OTHER'],
  ])('knows the method %s as %s', async (method, label) => {
    const server = await serve({ onRequest: [], onSend: [], onResponse: [] });
    let known: string | undefined;
    server.addHook('onSend', (request, _reply, _payload, done) => {
      known = request.context?.method;
      done();
    });

    await server.inject({ method: method as 'GET', url: '/orders/7' });

    expect(known).toBe(label);
  });
});
