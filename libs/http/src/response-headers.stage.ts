import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { DrainState } from './drain-state.service.js';
import type { RequestContext } from './request-context.js';
import type { OnSendStage } from './request-stage.js';

/**
 * Headers of every answer. `Connection: close` while draining makes keep-alive clients reconnect to another
 * instance; without it one idle connection with a request in flight would hold the process for the whole
 * keep-alive timeout.
 */
@Injectable()
export class ResponseHeadersStage implements OnSendStage {
  constructor(private readonly drain: DrainState) {}

  onSend(context: RequestContext, _request: FastifyRequest, reply: FastifyReply): void {
    reply.header('x-request-id', context.requestId);
    reply.header('x-content-type-options', 'nosniff');
    if (this.drain.draining) reply.header('connection', 'close');
  }
}
