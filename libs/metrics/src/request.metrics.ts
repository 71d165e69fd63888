import type { Provider } from '@nestjs/common';
import { makeCounterProvider, makeHistogramProvider } from '@willsoto/nestjs-prometheus';
import {
  DURATION_BUCKETS_SECONDS,
  HANDLER_DURATION,
  HANDLER_REQUESTS,
  HTTP_REQUEST_DURATION,
  HTTP_REQUESTS,
} from './metrics.constants.js';

/** Metrics of requests. The order of their labels is part of the contract. */
export const requestMetrics: Provider[] = [
  makeCounterProvider({
    name: HTTP_REQUESTS,
    help: 'Requests by route template, method and status; 499 is a client that left before its answer.',
    labelNames: ['handler', 'method', 'status'],
    enableExemplars: true,
  }),
  makeHistogramProvider({
    name: HTTP_REQUEST_DURATION,
    help: 'Time from the arrival of a request to the end of its answer, in seconds.',
    labelNames: ['handler', 'method'],
    buckets: [...DURATION_BUCKETS_SECONDS],
    enableExemplars: true,
  }),
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
