import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { type OnResponseStage, type RequestContext, remoteAddressOf, statusOf } from '#libs/http';
import { InjectAccessLogger } from './logging.constants.js';

/** A longer `User-Agent` is cut: nobody reads the rest, and a client must not decide the size of our log. */
const USER_AGENT_LENGTH = 256;

/** One line a request. Never the raw path, a query string, a cookie or a token. */
@Injectable()
export class AccessLogStage implements OnResponseStage {
  constructor(@InjectAccessLogger() private readonly logger: Logger) {}

  onResponse(context: RequestContext, request: FastifyRequest, reply: FastifyReply, durationMs: number): void {
    this.logger.info(
      {
        request_id: context.requestId,
        trace_id: context.traceId,
        span_id: context.spanId,
        method: context.method,
        route: context.route,
        status: statusOf(reply),
        duration_ms: Math.round(durationMs * 1_000) / 1_000,
        remote_address: remoteAddressOf(request),
        user_agent: request.headers['user-agent']?.slice(0, USER_AGENT_LENGTH),
      },
      'request',
    );
  }
}
