import {
  type CallHandler,
  type ExecutionContext,
  HttpException,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter, Histogram } from 'prom-client';
import { type Observable, tap } from 'rxjs';
import { currentRequest } from '#libs/http';
import { HANDLER_DURATION, HANDLER_REQUESTS } from './metrics.constants.js';

/** How a handler ended; `rejected`: the request was at fault, `failed`: we were. */
export type HandlerOutcome = 'success' | 'rejected' | 'failed';

/**
 * Counts and times one handler under its own name (`AdminController.setFlags`), in series of its own. Bind it by
 * `@UseInterceptors` where a handler deserves that, in a module that imports `MetricsModule`.
 *
 * It sees only what reaches the handler, no unknown path and no refused guard, and costs each call several times
 * what `MetricsStage` does: that one is the source of `http_requests_total`, for every request.
 */
@Injectable()
export class RequestMetricsInterceptor implements NestInterceptor {
  constructor(
    @InjectMetric(HANDLER_REQUESTS) private readonly requests: Counter<'handler' | 'outcome'>,
    @InjectMetric(HANDLER_DURATION) private readonly duration: Histogram<'handler'>,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (currentRequest()?.recordMetrics !== true) return next.handle();
    const handler = `${context.getClass().name}.${context.getHandler().name}`;
    const startedAt = performance.now();
    const record = (outcome: HandlerOutcome): void => {
      this.requests.inc({ handler, outcome });
      this.duration.observe({ handler }, (performance.now() - startedAt) / 1_000);
    };
    return next.handle().pipe(
      tap({
        complete: () => record('success'),
        error: (error: unknown) => record(isRejection(error) ? 'rejected' : 'failed'),
      }),
    );
  }
}

function isRejection(error: unknown): boolean {
  return error instanceof HttpException && error.getStatus() < 500;
}
