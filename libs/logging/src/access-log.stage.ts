import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { pino } from 'pino';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import { type OnResponseStage, type RequestContext, remoteAddressOf, statusOf } from '#libs/http';
import { AccessLine } from './access-line.js';
import { InjectLogSink, type LogSink } from './logging.constants.js';

/** A longer `User-Agent` is cut: nobody reads the rest, and a client must not decide the size of our log. */
const USER_AGENT_LENGTH = 256;

/** One line a request. Never the raw path, a query string, a cookie or a token. */
@Injectable()
export class AccessLogStage implements OnResponseStage {
  private readonly line: AccessLine;
  private readonly enabled: boolean;

  constructor(
    @InjectAppConfig() { service, logging }: AppConfig,
    @InjectLogSink() private readonly sink: LogSink,
  ) {
    this.line = new AccessLine(service);
    this.enabled = (pino.levels.values[logging.level] ?? 0) <= (pino.levels.values['info'] ?? 0);
  }

  onResponse(context: RequestContext, request: FastifyRequest, reply: FastifyReply, durationMs: number): void {
    if (!this.enabled) return;
    const userAgent = request.raw.headers['user-agent'];
    this.sink.write(
      this.line.write({
        request_id: context.requestId,
        trace_id: context.traceId,
        span_id: context.spanId,
        method: context.method,
        route: context.route,
        status: statusOf(reply),
        duration_ms: Math.round(durationMs * 1_000) / 1_000,
        remote_address: remoteAddressOf(request),
        user_agent: userAgent?.slice(0, USER_AGENT_LENGTH),
      }),
    );
  }
}
