import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Counter, Histogram, type Metric, register } from 'prom-client';
import { encodeMetric } from './encode-metric.js';
import type { ExpositionFormat } from './exposition-format.js';
import { DURATION_BUCKETS_SECONDS, HTTP_REQUEST_DURATION, HTTP_REQUESTS } from './metrics.constants.js';
import { prepareRegistry } from './prepare-registry.js';
import { type ObservedRequest, RequestSeries } from './request-series.js';

const NAMES = [HTTP_REQUESTS, HTTP_REQUEST_DURATION];
const trace = { trace_id: '4bf92f3577b34da6a3ce929d0e0e4736', span_id: '00f067aa0ba902b7' };

const traced = (request: ObservedRequest): ObservedRequest => ({ ...request, trace });

async function exposed(format: ExpositionFormat): Promise<string> {
  const metrics = NAMES.map((name) => register.getSingleMetric(name) as Metric);
  const texts = await Promise.all(metrics.map(async (metric) => encodeMetric(await metric.get(), format)));
  return texts.join('\n');
}

/** The same by prom-client's own counter and histogram, with the help of ours. */
async function byPromClient(requests: readonly ObservedRequest[], format: ExpositionFormat): Promise<string> {
  const [counted = '', timed = ''] = NAMES.map((name) => (register.getSingleMetric(name) as { help?: string }).help);
  register.clear();
  const counter = new Counter<string>({
    name: HTTP_REQUESTS,
    help: counted,
    labelNames: ['handler', 'method', 'status'],
    enableExemplars: true,
  });
  const histogram = new Histogram<string>({
    name: HTTP_REQUEST_DURATION,
    help: timed,
    labelNames: ['handler', 'method'],
    buckets: [...DURATION_BUCKETS_SECONDS],
    enableExemplars: true,
  });
  for (const { handler, method, status, seconds, trace: exemplarLabels } of requests) {
    const exemplar = exemplarLabels ? { exemplarLabels: { ...exemplarLabels } } : {};
    counter.inc({ labels: { handler, method, status }, value: 1, ...exemplar });
    histogram.observe({ labels: { handler, method }, value: seconds, ...exemplar });
  }
  return exposed(format);
}

describe('request series', () => {
  beforeEach(() => {
    register.clear();
    prepareRegistry();
    jest.useFakeTimers({ now: Date.UTC(2026, 10, 24) });
  });

  afterEach(() => {
    jest.useRealTimers();
    register.clear();
  });

  const some: readonly ObservedRequest[] = [
    { handler: '/', method: 'GET', status: 200, seconds: 0.0012 },
    { handler: '/', method: 'GET', status: 500, seconds: 0.25 },
    { handler: '/', method: 'HEAD', status: 200, seconds: 0 },
    { handler: 'unmatched', method: 'OTHER', status: 404, seconds: 0.005 },
    { handler: '/a"b\\c', method: 'GET', status: 499, seconds: 7 },
    { handler: '/', method: 'GET', status: 200, seconds: 0.0013 },
  ];

  it.each<[string, ExpositionFormat, readonly ObservedRequest[]]>([
    ['nothing', 'classic', []],
    ['some requests', 'classic', some],
    ['some requests', 'openmetrics', some],
    ['traced ones', 'classic', some.map(traced)],
    ['traced ones', 'openmetrics', some.map(traced)],
    [
      'a traced one among others',
      'openmetrics',
      some.map((request, index) => (index === 1 ? traced(request) : request)),
    ],
    [
      'each bound',
      'classic',
      DURATION_BUCKETS_SECONDS.map((seconds) => ({ handler: '/', method: 'GET', status: 200, seconds })),
    ],
  ])('of %s are exposed as %s like those of prom-client', async (_what, format, requests) => {
    const series = new RequestSeries();
    for (const request of requests) series.observe(request);
    const ours = await exposed(format);

    expect(ours).toBe(await byPromClient(requests, format));
  });
});
