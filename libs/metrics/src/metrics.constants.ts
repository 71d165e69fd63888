/** Counter of requests, by route template, method and status. */
export const HTTP_REQUESTS = 'http_requests_total';
/** Histogram of what requests take, by route template and method. */
export const HTTP_REQUEST_DURATION = 'http_request_duration_seconds';
/** Counter of handled calls, by handler and outcome; see `RequestMetricsInterceptor`. */
export const HANDLER_REQUESTS = 'handler_requests_total';
/** Histogram of what handlers take; see `RequestMetricsInterceptor`. */
export const HANDLER_DURATION = 'handler_duration_seconds';
/** Counter of what a scrape had to leave out; the name that Go's `promhttp` gave it. */
export const SCRAPE_ERRORS = 'promhttp_metric_handler_errors_total';
/** Counter of changes of flags. */
export const FLAG_CHANGES = 'feature_flag_changes_total';

/**
 * Objective of latency, in seconds: 99 % of requests take no longer (monitoring/slo/hello-world.yaml). It is a bucket of
 * its own: the share of requests within it is then counted, not interpolated.
 */
export const LATENCY_OBJECTIVE_SECONDS = 0.25;

/** Threshold of the alert on P95, in seconds; a bucket of its own as well. */
export const LATENCY_ALERT_SECONDS = 0.5;

/** Upper bounds of the duration histograms, in seconds. */
export const DURATION_BUCKETS_SECONDS: readonly number[] = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  LATENCY_OBJECTIVE_SECONDS,
  LATENCY_ALERT_SECONDS,
  1,
  2.5,
  5,
];

/** Longest a scrape waits for its collectors, in milliseconds: well within Prometheus' own limit of 10 s. */
export const COLLECT_TIMEOUT_MS = 2_000;

/** Scrapes that lack something are logged at most once in this time; the counter has them all. */
export const SCRAPE_WARNING_INTERVAL_MS = 60_000;
