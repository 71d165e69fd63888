import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { BytesIEC, EventsPerSecond, PercentUnit, Seconds, Short } from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './dashboard.ts';
import { stacked, states, stateTimeline, timeseries } from './panels.ts';
import { over, rate, select, series } from './query.ts';
import { ALERT_AT, badFrom } from './thresholds.ts';
import { datasource, instances, jobs, namespace } from './variables.ts';

/** A Deployment's pods: its name, which is the job's too, the hash of its template, five letters. */
const POD = 'pod=~"$job-[^-]+-[^-]+"';

/** What goes on inside of each process: the event loop, memory, the database pool, lost telemetry, restarts. */
export function runtimeDashboard(): Dashboard {
  return dashboard({
    uid: 'hello-world-runtime',
    title: 'hello-world / Runtime',
    description:
      'Event loop, memory, garbage collection, CPU, database pool, lost telemetry and restarts, by instance.',
    from: 'now-3h',
    refresh: '30s',
    variables: [datasource(), namespace(), jobs(), instances()],
    rows: {
      'Event loop and CPU': [
        timeseries({
          title: 'Event-loop lag, p99',
          description: 'How late the event loop gets to its work, 99th percentile: every request waits that long.',
          unit: Seconds,
          queries: [over(series('nodejs_eventloop_lag_p99_seconds'), '{{instance}}')],
          width: 8,
          thresholds: badFrom(ALERT_AT.HelloWorldEventLoopLag),
          alerts: ['HelloWorldEventLoopLag'],
        }),
        timeseries({
          title: 'Event-loop lag, spread',
          description: 'Median, 90th percentile and the worst between two scrapes, of the slowest instance.',
          unit: Seconds,
          queries: [
            over(`max(${series('nodejs_eventloop_lag_max_seconds')})`, 'worst'),
            over(`max(${series('nodejs_eventloop_lag_p90_seconds')})`, 'p90'),
            over(`max(${series('nodejs_eventloop_lag_p50_seconds')})`, 'p50'),
          ],
          width: 8,
        }),
        timeseries({
          title: 'CPU',
          description:
            'Cores that an instance uses, in its own code and in the kernel. JavaScript runs on one of them.',
          unit: Short,
          queries: [
            over(rate('process_cpu_user_seconds_total'), '{{instance}} user'),
            over(rate('process_cpu_system_seconds_total'), '{{instance}} system'),
          ],
          width: 8,
          thresholds: badFrom(1),
        }),
      ],
      Memory: [
        timeseries({
          title: 'Memory of the limit',
          description:
            'Memory that the kernel cannot take back, as a share of what the process may use. Near 1 the kernel kills it.',
          unit: PercentUnit,
          queries: [
            over(
              `${series('process_memory_anonymous_bytes')} / ${series('process_memory_limit_bytes')}`,
              '{{instance}}',
            ),
          ],
          width: 8,
          thresholds: badFrom(ALERT_AT.HelloWorldMemoryNearLimit),
          alerts: ['HelloWorldMemoryNearLimit'],
          noValue: 'No limit',
        }).max(1),
        timeseries({
          title: 'Memory',
          description:
            'Resident memory; what of it the kernel cannot take back (the rest are pages of files); and what of that are the heap of JavaScript and buffers.',
          unit: BytesIEC,
          queries: [
            over(series('process_resident_memory_bytes'), '{{instance}} resident'),
            over(series('process_memory_anonymous_bytes'), '{{instance}} not to be taken back'),
            over(series('nodejs_heap_size_total_bytes'), '{{instance}} heap'),
            over(series('nodejs_heap_size_used_bytes'), '{{instance}} heap, used'),
            over(series('nodejs_external_memory_bytes'), '{{instance}} buffers'),
            over(series('process_memory_limit_bytes'), '{{instance}} limit'),
          ],
          width: 8,
        }),
        stacked({
          title: 'Heap by space',
          description: 'Used heap by the spaces of V8. "old" that only grows is a leak.',
          unit: BytesIEC,
          queries: [over(`sum by (space) (${series('nodejs_heap_space_size_used_bytes')}) > 0`, '{{space}}')],
          width: 8,
        }),
      ],
      'Garbage collection and handles': [
        timeseries({
          title: 'Time in garbage collection',
          description: 'Share of the time by kind of collection. "major" stops everything.',
          unit: PercentUnit,
          queries: [
            over(`sum by (instance, kind) (${rate('nodejs_gc_duration_seconds_sum')})`, '{{instance}} {{kind}}'),
          ],
          width: 8,
        }),
        timeseries({
          title: 'Collections',
          description: 'Garbage collections per second by kind.',
          unit: EventsPerSecond,
          queries: [
            over(`sum by (instance, kind) (${rate('nodejs_gc_duration_seconds_count')})`, '{{instance}} {{kind}}'),
          ],
          width: 8,
        }),
        timeseries({
          title: 'Handles and files',
          description:
            'What keeps the event loop alive (sockets, servers, timers), and open files. Growing without end: a leak.',
          unit: Short,
          queries: [
            over(`sum by (instance) (${series('nodejs_active_resources')})`, '{{instance}} resources'),
            over(`sum by (instance) (${series('nodejs_active_handles')})`, '{{instance}} handles'),
            over(series('process_open_fds'), '{{instance}} files'),
          ],
          width: 8,
        }),
      ],
      Database: [
        stacked({
          title: 'Connections of the pool',
          description: 'Connections by state, of all instances, and how many there may be.',
          unit: Short,
          queries: [
            over(`sum by (state) (${series('db_pool_connections', 'state!="waiting"')})`, '{{state}}'),
            over(`sum(${series('db_pool_connections_max')})`, 'most'),
          ],
          width: 8,
          alerts: ['HelloWorldDatabasePoolExhausted'],
          noValue: 'No database',
        }).overrideByName('most', [
          { id: 'custom.stacking', value: { mode: 'none', group: 'A' } },
          { id: 'custom.fillOpacity', value: 0 },
        ]),
        timeseries({
          title: 'Waiting for a connection',
          description: 'Callers that wait because all connections are busy.',
          unit: Short,
          queries: [over(series('db_pool_connections', 'state="waiting"'), '{{instance}}')],
          width: 8,
          thresholds: badFrom(ALERT_AT.HelloWorldDatabasePoolExhausted),
          alerts: ['HelloWorldDatabasePoolExhausted'],
          noValue: 'No database',
        }),
        timeseries({
          title: 'Pending migrations',
          description:
            'Migrations of the build that the database lacks. Until they are applied the instance is not ready.',
          unit: Short,
          queries: [over(series('db_migrations_pending'), '{{instance}}')],
          width: 8,
          thresholds: badFrom(ALERT_AT.HelloWorldMigrationsPending),
          alerts: ['HelloWorldMigrationsPending'],
          noValue: 'No database',
        }),
      ],
      'Lost telemetry': [
        timeseries({
          title: 'Dropped log lines',
          description: 'Log lines lost within 15 minutes, because their reader was slow or gone.',
          unit: Short,
          queries: [over(`increase(${series('log_lines_dropped_total')}[15m])`, '{{instance}}')],
          width: 8,
          thresholds: badFrom(ALERT_AT.HelloWorldTelemetryDropped),
          alerts: ['HelloWorldTelemetryDropped'],
        }),
        timeseries({
          title: 'Dropped spans',
          description: 'Sampled spans that were not exported, within 15 minutes and by reason.',
          unit: Short,
          queries: [over(`increase(${series('otel_spans_dropped_total')}[15m])`, '{{instance}} {{reason}}')],
          width: 8,
          thresholds: badFrom(ALERT_AT.HelloWorldTelemetryDropped),
          alerts: ['HelloWorldTelemetryDropped'],
        }),
        timeseries({
          title: 'Errors of scrapes',
          description: 'What /metrics had to leave out within 10 minutes, by cause.',
          unit: Short,
          queries: [over(`increase(${series('promhttp_metric_handler_errors_total')}[10m])`, '{{instance}} {{cause}}')],
          width: 8,
          thresholds: badFrom(ALERT_AT.HelloWorldMetricsHandlerErrors),
          alerts: ['HelloWorldMetricsHandlerErrors'],
        }),
      ],
      Restarts: [
        timeseries({
          title: 'Age',
          description: 'How long each instance has been running. A fall to 0 is a restart.',
          unit: Seconds,
          queries: [over(`time() - ${series('process_start_time_seconds')}`, '{{instance}}')],
          width: 8,
        }),
        timeseries({
          title: 'Restarts within an hour',
          description:
            'Restarts at the same address, and those of containers as Kubernetes counts them (kube-state-metrics).',
          unit: Short,
          queries: [
            over(`changes(${series('process_start_time_seconds')}[1h])`, '{{instance}}'),
            over(
              `increase(${select('kube_pod_container_status_restarts_total', ['namespace="$namespace"', POD])}[1h])`,
              '{{pod}}',
            ),
          ],
          width: 8,
          thresholds: badFrom(ALERT_AT.HelloWorldRestartingOften),
          alerts: ['HelloWorldRestartingOften'],
        }),
        stateTimeline(
          {
            title: 'Up',
            description: 'Whether Prometheus could scrape an instance.',
            queries: [over(series('up'), '{{instance}}')],
            width: 8,
            alerts: ['HelloWorldInstanceDown'],
          },
          states({ 0: ['down', 'red'], 1: ['up', 'green'] }),
        ),
      ],
    },
  });
}
