import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type CallHandler, type ExecutionContext, NotFoundException } from '@nestjs/common';
import { Counter, Histogram, register } from 'prom-client';
import { from, lastValueFrom, type Observable, of, throwError } from 'rxjs';
import { RequestContext, runInRequest } from '#libs/http';
import { HANDLER_DURATION, HANDLER_REQUESTS } from './metrics.constants.js';
import { RequestMetricsInterceptor } from './request-metrics.interceptor.js';

class BooksController {
  list(this: void): void {}
}

const call = {
  getClass: () => BooksController,
  getHandler: () => BooksController.prototype.list,
} as unknown as ExecutionContext;

describe('RequestMetricsInterceptor', () => {
  let requests: Counter<'handler' | 'outcome'>;
  let duration: Histogram<'handler'>;
  let interceptor: RequestMetricsInterceptor;

  beforeEach(() => {
    requests = new Counter({ name: HANDLER_REQUESTS, help: 'requests', labelNames: ['handler', 'outcome'] });
    duration = new Histogram({ name: HANDLER_DURATION, help: 'duration', labelNames: ['handler'] });
    interceptor = new RequestMetricsInterceptor(requests, duration);
  });

  afterEach(() => {
    register.clear();
  });

  /** Lets a handler with this answer be called within a request. */
  async function handle(answer: Observable<unknown>, recordMetrics = true): Promise<unknown> {
    const context = new RequestContext('id', 'GET', '/books', false, 0);
    context.recordMetrics = recordMetrics;
    const next: CallHandler = { handle: () => answer };
    return new Promise((resolve) => {
      runInRequest(context, () =>
        resolve(lastValueFrom(interceptor.intercept(call, next)).catch((error: unknown) => error)),
      );
    });
  }

  it.each([
    ['success', of('a book')],
    ['success', from(Promise.resolve('a book'))],
    ['rejected', throwError(() => new NotFoundException())],
    ['failed', throwError(() => new Error('a defect'))],
  ])('counts and times a handler by its name: %s', async (outcome, answer) => {
    await handle(answer);

    const handler = 'BooksController.list';
    expect((await requests.get()).values).toEqual([{ labels: { handler, outcome }, value: 1 }]);
    expect((await duration.get()).values).toContainEqual(
      expect.objectContaining({ labels: { handler }, metricName: `${HANDLER_DURATION}_count`, value: 1 }),
    );
  });

  it('hands on the answer as it is', async () => {
    const error = new Error('a defect');

    expect(await handle(of('a book'))).toBe('a book');
    expect(await handle(throwError(() => error))).toBe(error);
  });

  it('records nothing of a request that is not measured', async () => {
    const answer = await handle(of('a book'), false);

    expect(answer).toBe('a book');
    expect((await requests.get()).values).toEqual([]);
  });
});
