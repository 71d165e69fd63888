import type { Provider } from '@nestjs/common';
import { makeCounterProvider, makeHistogramProvider } from '@willsoto/nestjs-prometheus';
import { DURATION_BUCKETS_SECONDS, HANDLER_DURATION, HANDLER_REQUESTS } from './metrics.constants.js';
import { RequestSeries } from './request-series.js';

/** Metrics of requests. The order of their labels is part of the contract. */
export const requestMetrics: Provider[] = [
  RequestSeries,
  makeCounterProvider({
    name: HANDLER_REQUESTS,
    help: 'Calls of the handlers that have series of their own, by outcome.',
    labelNames: ['handler', 'outcome'],
  }),
  makeHistogramProvider({
    name: HANDLER_DURATION,
    help: 'Time that the handlers with series of their own take, in seconds.',
    labelNames: ['handler'],
    buckets: [...DURATION_BUCKETS_SECONDS],
  }),
];
