import { Injectable } from '@nestjs/common';
import { type Metric, register } from 'prom-client';
import { DURATION_BUCKETS_SECONDS, HTTP_REQUEST_DURATION, HTTP_REQUESTS } from './metrics.constants.js';

/** One request, under labels that a client cannot multiply. */
export interface ObservedRequest {
  /** Template of the route. */
  readonly handler: string;
  readonly method: string;
  readonly status: number;
  readonly seconds: number;
  /** Of a sampled trace; then the request becomes the exemplar of its series and of its bucket. */
  readonly trace?: { readonly trace_id: string; readonly span_id: string };
}

/** OpenMetrics, section "Exemplars". */
interface Exemplar {
  readonly labelSet: Readonly<Record<string, string>>;
  readonly value: number;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

/** As prom-client's registry takes it. */
interface Sample {
  /** Where it is not that of the metric. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly exemplar?: Exemplar | undefined;
}

/** What is known of one route and method. */
class RouteSeries {
  readonly byStatus = new Map<number, { count: number; exemplar: Exemplar | undefined }>();
  /** How many requests each bucket got, less those of the ones before it; the last one has no bound. */
  readonly buckets: number[] = Array.from({ length: DURATION_BUCKETS_SECONDS.length + 1 }, () => 0);
  readonly exemplars: (Exemplar | undefined)[] = this.buckets.map(() => undefined);
  sum = 0;

  constructor(
    readonly handler: string,
    readonly method: string,
  ) {}
}

/**
 * Counts and times requests: a few additions each, which a scrape turns into samples.
 *
 * prom-client's counter and histogram would sort and join the labels of every request to find its series, which costs
 * several times that (decision 0018). To its registry this is two metrics like all others.
 */
@Injectable()
export class RequestSeries {
  private readonly byHandler = new Map<string, Map<string, RouteSeries>>();

  constructor() {
    const counted = 'Requests by route template, method and status; 499 is a client that left before its answer.';
    const timed = 'Time from the arrival of a request to the end of its answer, in seconds.';
    registerMetric('counter', HTTP_REQUESTS, counted, () => this.counts());
    registerMetric('histogram', HTTP_REQUEST_DURATION, timed, () => this.durations());
  }

  observe({ handler, method, status, seconds, trace }: ObservedRequest): void {
    const series = this.seriesOf(handler, method);
    let counted = series.byStatus.get(status);
    if (counted === undefined) series.byStatus.set(status, (counted = { count: 0, exemplar: undefined }));
    const bucket = bucketOf(seconds);
    counted.count++;
    series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
    series.sum += seconds;
    if (trace === undefined) return;
    const timestamp = Date.now() / 1_000;
    counted.exemplar = { labelSet: trace, value: 1, timestamp };
    series.exemplars[bucket] = { labelSet: trace, value: seconds, timestamp };
  }

  private seriesOf(handler: string, method: string): RouteSeries {
    let byMethod = this.byHandler.get(handler);
    if (byMethod === undefined) this.byHandler.set(handler, (byMethod = new Map()));
    let series = byMethod.get(method);
    if (series === undefined) byMethod.set(method, (series = new RouteSeries(handler, method)));
    return series;
  }

  private *all(): Generator<RouteSeries> {
    for (const byMethod of this.byHandler.values()) yield* byMethod.values();
  }

  private counts(): Sample[] {
    return [...this.all()].flatMap(({ handler, method, byStatus }) =>
      [...byStatus].map(([status, { count, exemplar }]) => ({
        labels: { handler, method, status },
        value: count,
        exemplar,
      })),
    );
  }

  private durations(): Sample[] {
    return [...this.all()].flatMap(({ handler, method, buckets, exemplars, sum }) => {
      let count = 0;
      const samples = buckets.map((inBucket, index): Sample => {
        count += inBucket;
        const labels = { le: DURATION_BUCKETS_SECONDS[index] ?? '+Inf', handler, method };
        return { metricName: `${HTTP_REQUEST_DURATION}_bucket`, labels, value: count, exemplar: exemplars[index] };
      });
      const labels = { handler, method };
      samples.push({ metricName: `${HTTP_REQUEST_DURATION}_sum`, labels, value: sum });
      samples.push({ metricName: `${HTTP_REQUEST_DURATION}_count`, labels, value: count });
      return samples;
    });
  }
}

function registerMetric(type: string, name: string, help: string, samples: () => Sample[]): void {
  const metric = { name, help, type, aggregator: 'sum' };
  const get = (): Promise<unknown> => Promise.resolve({ ...metric, values: samples() });
  register.registerMetric({ ...metric, get } as unknown as Metric);
}

function bucketOf(seconds: number): number {
  let bucket = 0;
  while (seconds > (DURATION_BUCKETS_SECONDS[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
  return bucket;
}
