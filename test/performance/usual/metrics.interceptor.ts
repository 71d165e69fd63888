import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { type Client, OpenFeatureClient } from '@openfeature/nestjs-sdk';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Counter, Histogram } from 'prom-client';
import { finalize, type Observable } from 'rxjs';

/** Asks for both flags, as the service does at each request; counts and times where metrics are on. */
@Injectable()
export class MetricsInterceptor implements NestInterceptor {
  constructor(
    @OpenFeatureClient() private readonly flags: Client,
    @InjectMetric('http_requests_total') private readonly requests: Counter<'handler' | 'method' | 'status'>,
    @InjectMetric('http_request_duration_seconds') private readonly durations: Histogram<'handler' | 'method'>,
  ) {}

  async intercept(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const [metrics] = await Promise.all([
      this.flags.getBooleanValue('metrics_enabled', true),
      this.flags.getBooleanValue('tracing_enabled', false),
    ]);
    if (!metrics) return next.handle();
    const http = context.switchToHttp();
    const { method, routeOptions } = http.getRequest<FastifyRequest>();
    const handler = routeOptions.url ?? 'unmatched';
    const stop = this.durations.startTimer({ handler, method });
    return next.handle().pipe(
      finalize(() => {
        stop();
        this.requests.inc({ handler, method, status: http.getResponse<FastifyReply>().statusCode });
      }),
    );
  }
}
