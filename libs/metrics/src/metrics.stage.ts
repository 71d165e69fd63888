import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type OnResponseStage, type RequestContext, statusOf } from '#libs/http';
import { RequestSeries } from './request-series.js';

/**
 * Counts and times each request, under labels that a client cannot multiply: the route template, a known method,
 * the status. Where a sampled trace exists, it becomes the exemplar.
 */
@Injectable()
export class MetricsStage implements OnResponseStage {
  constructor(private readonly series: RequestSeries) {}

  onResponse(context: RequestContext, _request: FastifyRequest, reply: FastifyReply, durationMs: number): void {
    if (!context.recordMetrics) return;
    const { route: handler, method, traceId, spanId } = context;
    const request = { handler, method, status: statusOf(reply), seconds: durationMs / 1_000 };
    if (!context.traceSampled || traceId === undefined || spanId === undefined) this.series.observe(request);
    else this.series.observe({ ...request, trace: { trace_id: traceId, span_id: spanId } });
  }
}
