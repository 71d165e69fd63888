import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import {
  DateTimeFromNow,
  DatetimeISO,
  PercentUnit,
  RequestsPerSecond,
  Seconds,
  Short,
} from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './dashboard.ts';
import { runbookUrl } from './links.ts';
import { cellLinks, heatmap, stacked, stat, states, stateTimeline, table, timeseries } from './panels.ts';
import { now, ofRelease, over, rate, rows, select, series, withExemplars } from './query.ts';
import { ALERT_AT, badFrom, CERTIFICATE_EXPIRES_WITHIN, goodFrom } from './thresholds.ts';
import { datasource, instances, jobs, namespace } from './variables.ts';

/** What the alerts look at: scanners and administrators are not the service's users. */
const OF_USERS = 'handler!~"unmatched|/admin.*"';
const BUCKETS = rate('http_request_duration_seconds_bucket', OF_USERS);

/** The share of requests that ended so, by the counters that the alert on errors reads. */
function share(outcomes: string, window = '$__rate_interval'): string {
  const [some, all] = [[outcomes], []].map(
    (matchers) =>
      `sum(increase(${series('namespace_job_instance_outcome:http_requests:sum', ...matchers)}[${window}]))`,
  );
  return `${some} / ${all}`;
}

function quantile(q: number, ...by: readonly string[]): string {
  return `histogram_quantile(${q}, sum by (${['le', ...by].join(', ')}) (${BUCKETS}))`;
}

/** Is it well, for those who call it? Rate, errors, duration; then what might be the reason. */
export function serviceDashboard(): Dashboard {
  return dashboard({
    uid: 'hello-world-service',
    title: 'hello-world / Service',
    description: 'Rate, errors and duration of requests, saturation, and which instances there are.',
    from: 'now-3h',
    refresh: '30s',
    variables: [datasource(), namespace(), jobs(), instances()],
    rows: {
      'At a glance': [
        stat({
          title: 'Instances up',
          description:
            'Targets that Prometheus could scrape, and all that it knows of. Metrics switched off count as down.',
          unit: Short,
          queries: [now(`sum(${series('up')})`, 'up'), now(`count(${series('up')})`, 'of')],
          width: 4,
          thresholds: goodFrom(1),
          alerts: ['HelloWorldTargetDown', 'HelloWorldInstanceDown', 'HelloWorldScrapeRefused'],
          noValue: 'No target',
        }),
        stat({
          title: 'Requests',
          description:
            'Requests for a route of users: unknown paths and the admin interface are left out, as in the alert.',
          unit: RequestsPerSecond,
          queries: [now(`sum(${rate('http_requests_total', OF_USERS)})`, 'requests')],
          width: 4,
          alerts: ['HelloWorldNoTraffic'],
          noValue: 'No traffic',
        }),
        stat({
          title: 'Errors',
          description:
            'Share of answers in 5 minutes that are not 2xx, unknown paths and the admin interface left out. The alert is on the same, from 10 requests on, or where none succeeds.',
          unit: PercentUnit,
          queries: [now(share('outcome!="success"', '5m'), 'errors')],
          width: 4,
          thresholds: badFrom(ALERT_AT.HelloWorldHighErrorRate),
          alerts: ['HelloWorldHighErrorRate'],
          noValue: 'No traffic',
        }),
        stat({
          title: 'p95',
          description: '95 of 100 requests took at most this long.',
          unit: Seconds,
          queries: [now(quantile(0.95), 'p95')],
          width: 4,
          thresholds: badFrom(ALERT_AT.HelloWorldHighLatencyP95),
          alerts: ['HelloWorldHighLatencyP95'],
          noValue: 'No traffic',
        }),
        table({
          title: 'Firing alerts',
          description: 'Alerts on this service and since when their condition holds. Each name leads to its runbook.',
          unit: DateTimeFromNow,
          queries: [
            rows(
              `max by (alertname, severity, job) (${ofRelease('ALERTS_FOR_STATE', 'service="hello-world"')} * 1000 ` +
                `and ignoring (alertstate) ${ofRelease('ALERTS', 'alertstate="firing"', 'service="hello-world"')})`,
            ),
          ],
          columns: { alertname: 'Alert', severity: 'Severity', job: 'Job', Value: 'Since' },
          width: 8,
          height: 4,
          noValue: 'None: all is well',
        }).overrideByName('Alert', [cellLinks('Runbook', runbookUrl('${__value.text}'))]),
      ],
      Rate: [
        stacked({
          title: 'Requests by handler',
          description: 'Requests per second by route template. "unmatched" are paths and methods that no route serves.',
          unit: RequestsPerSecond,
          queries: [over(`sum by (handler, method) (${rate('http_requests_total')})`, '{{method}} {{handler}}')],
          width: 12,
          alerts: ['HelloWorldNoTraffic'],
        }),
        stacked({
          title: 'Requests by status',
          description: 'Requests per second by status of the answer; 499 is a client that left before its answer.',
          unit: RequestsPerSecond,
          queries: [over(`sum by (status) (${rate('http_requests_total')})`, '{{status}}')],
          width: 12,
        }),
      ],
      Errors: [
        timeseries({
          title: 'Share of errors',
          description:
            'Not 2xx: what the alert is on. 5xx: what the availability objective counts. Unknown paths and the admin interface are left out.',
          unit: PercentUnit,
          queries: [over(share('outcome!="success"'), 'not 2xx'), over(share('outcome="failed"'), '5xx')],
          width: 12,
          thresholds: badFrom(ALERT_AT.HelloWorldHighErrorRate),
          alerts: ['HelloWorldHighErrorRate'],
        }),
        stacked({
          title: 'Errors by status and handler',
          description: 'Answers per second that are not 2xx, unknown paths included.',
          unit: RequestsPerSecond,
          queries: [
            over(
              `sum by (status, handler, method) (${rate('http_requests_total', 'status!~"2.."')})`,
              '{{status}} {{method}} {{handler}}',
            ),
          ],
          width: 12,
          noValue: 'No errors',
        }),
      ],
      Duration: [
        timeseries({
          title: 'Duration',
          description: 'Quantiles of what requests take. Each dot is one request; it leads to its trace.',
          unit: Seconds,
          queries: [withExemplars(quantile(0.99), 'p99'), over(quantile(0.95), 'p95'), over(quantile(0.5), 'p50')],
          width: 12,
          thresholds: badFrom(ALERT_AT.HelloWorldHighLatencyP95),
          alerts: ['HelloWorldHighLatencyP95'],
        }),
        heatmap({
          title: 'Duration, spread',
          description: 'How many requests took how long. Each dot is one request; it leads to its trace.',
          unit: Seconds,
          queries: [
            withExemplars(
              `sum by (le) (increase(${series('http_request_duration_seconds_bucket', OF_USERS)}[$__rate_interval]))`,
              '{{le}}',
            ),
          ],
          width: 12,
        }),
        timeseries({
          title: 'p95 by handler',
          description: '95 of 100 requests to a handler took at most this long.',
          unit: Seconds,
          queries: [over(quantile(0.95, 'handler', 'method'), '{{method}} {{handler}}')],
          width: 24,
          thresholds: badFrom(ALERT_AT.HelloWorldHighLatencyP95),
        }),
      ],
      Saturation: [
        timeseries({
          title: 'Used of what there is',
          description:
            'Memory that the kernel cannot take back, of the limit; connections of the pool that are busy; open files of the limit: the highest of all instances.',
          unit: PercentUnit,
          queries: [
            over(
              `max(${series('process_memory_anonymous_bytes')} / ${series('process_memory_limit_bytes')})`,
              'memory',
            ),
            over(
              `max(${series('db_pool_connections', 'state="busy"')} / ignoring (state) ${series('db_pool_connections_max')})`,
              'database pool',
            ),
            over(`max(${series('process_open_fds')} / ${series('process_max_fds')})`, 'open files'),
          ],
          width: 8,
          thresholds: badFrom(ALERT_AT.HelloWorldMemoryNearLimit),
          alerts: ['HelloWorldMemoryNearLimit', 'HelloWorldDatabasePoolExhausted'],
        }).max(1),
        timeseries({
          title: 'CPU',
          description: 'Cores that an instance uses. JavaScript runs on one of them.',
          unit: Short,
          queries: [over(rate('process_cpu_seconds_total'), '{{instance}}')],
          width: 8,
          thresholds: badFrom(1),
        }),
        timeseries({
          title: 'Event-loop lag',
          description: 'How late the event loop gets to its work, 99th percentile: every request waits that long.',
          unit: Seconds,
          queries: [over(series('nodejs_eventloop_lag_p99_seconds'), '{{instance}}')],
          width: 8,
          thresholds: badFrom(ALERT_AT.HelloWorldEventLoopLag),
          alerts: ['HelloWorldEventLoopLag'],
        }),
      ],
      Instances: [
        stateTimeline(
          {
            title: 'Up',
            description: 'Whether Prometheus could scrape an instance. With the flag metrics_enabled off it cannot.',
            queries: [over(series('up'), '{{instance}}')],
            width: 8,
            alerts: ['HelloWorldTargetDown', 'HelloWorldInstanceDown', 'HelloWorldScrapeRefused'],
          },
          states({ 0: ['down', 'red'], 1: ['up', 'green'] }),
        ),
        stateTimeline(
          {
            title: 'Readiness',
            description: 'The checks behind /readyz. An instance with a failing one gets no requests.',
            queries: [over(series('readiness_check'), '{{instance}} {{check}}')],
            width: 8,
            alerts: ['HelloWorldNotReady', 'HelloWorldMigrationsPending'],
          },
          states({ 0: ['fails', 'red'], 1: ['passes', 'green'] }),
        ),
        timeseries({
          title: 'Autoscaler',
          description:
            'Pods that are ready, that it wants, and its limits (kube-state-metrics; nothing outside of Kubernetes).',
          unit: Short,
          queries: [
            over(ofKubernetes('kube_deployment_status_replicas_available', 'deployment'), 'ready'),
            over(ofAutoscaler('desired', 'status'), 'wanted'),
            over(ofAutoscaler('max', 'spec'), 'most'),
            over(ofAutoscaler('min', 'spec'), 'least'),
          ],
          width: 8,
          alerts: ['HelloWorldAutoscalerAtMax'],
          noValue: 'No autoscaler',
        }),
        table({
          title: 'Versions',
          description: 'What runs. More than one version for longer than a rollout takes is a rollout that hangs.',
          unit: DatetimeISO,
          queries: [
            rows(
              `max by (job, instance, version, revision, node) (${series('process_start_time_seconds')} * 1000 ` +
                `* on (namespace, job, instance) group_left (version, revision, node) ${series('build_info')})`,
            ),
          ],
          columns: {
            job: 'Job',
            instance: 'Instance',
            version: 'Version',
            revision: 'Revision',
            node: 'Node.js',
            Value: 'Started',
          },
          width: 16,
          alerts: ['HelloWorldVersionSkew'],
        }),
        stat({
          title: 'Certificate',
          description: 'How long the certificate is still valid (cert-manager; nothing where it has none).',
          unit: Seconds,
          queries: [
            now(
              `min(${certificate('exported_namespace="$namespace"')} ` +
                `or ${certificate('namespace="$namespace"', 'exported_namespace=""')}) - time()`,
              'valid for',
            ),
          ],
          width: 8,
          height: 8,
          thresholds: goodFrom(CERTIFICATE_EXPIRES_WITHIN),
          alerts: ['HelloWorldCertificateExpiring'],
          noValue: 'No certificate',
        }),
      ],
    },
  });
}

/** The chart gives Deployment and autoscaler the name that is the job in Prometheus. */
function ofKubernetes(metric: string, kind: string): string {
  return `max(${select(metric, ['namespace="$namespace"', `${kind}=~"$job"`])})`;
}

function ofAutoscaler(replicas: string, part: 'spec' | 'status'): string {
  const kind = 'horizontalpodautoscaler';
  return ofKubernetes(`kube_${kind}_${part}_${replicas}_replicas`, kind);
}

/** Some cert-managers are scraped so that the certificate's own namespace is in `exported_namespace`. */
function certificate(...matchers: readonly string[]): string {
  return select('certmanager_certificate_expiration_timestamp_seconds', ['name=~"$job(-tls)?"', ...matchers]);
}
