import { Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Counter, Histogram } from 'prom-client';
import { type OnResponseStage, type RequestContext, statusOf } from '#libs/http';
import { HTTP_REQUEST_DURATION, HTTP_REQUESTS } from './metrics.constants.js';

/**
 * Counts and times each request, under labels that a client cannot multiply: the route template, a known method,
 * the status. Where a sampled trace exists, it becomes the exemplar.
 */
@Injectable()
export class MetricsStage implements OnResponseStage {
  constructor(
    @InjectMetric(HTTP_REQUESTS) private readonly requests: Counter,
    @InjectMetric(HTTP_REQUEST_DURATION) private readonly duration: Histogram,
  ) {}

  onResponse(context: RequestContext, _request: FastifyRequest, reply: FastifyReply, durationMs: number): void {
    if (!context.recordMetrics) return;
    const { route: handler, method, traceId, spanId } = context;
    const requests = { labels: { handler, method, status: statusOf(reply) } };
    const duration = { labels: { handler, method }, value: durationMs / 1_000 };
    if (!context.traceSampled || traceId === undefined || spanId === undefined) {
      this.requests.inc(requests);
      this.duration.observe(duration);
      return;
    }
    const exemplarLabels = { trace_id: traceId, span_id: spanId };
    this.requests.inc({ ...requests, exemplarLabels });
    this.duration.observe({ ...duration, exemplarLabels });
  }
}
