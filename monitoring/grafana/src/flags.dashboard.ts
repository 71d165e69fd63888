import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { RequestsPerSecond, Seconds, Short } from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './dashboard.ts';
import { stacked, stat, states, stateTimeline, timeseries } from './panels.ts';
import { now, over, rate, series } from './query.ts';
import { datasource, instances, jobs, namespace } from './variables.ts';

/** The states that a provider of flags can be in, in the order of their numbers in the panel. */
const PROVIDER_STATES = {
  not_configured: 'text',
  not_ready: 'orange',
  ready: 'green',
  stale: 'orange',
  error: 'red',
  fatal: 'dark-red',
};

/** A number for the state of each instance: of the gauges, one a state, the one that is 1. */
function providerState(): string {
  const numbered = Object.keys(PROVIDER_STATES).map(
    (state, index) => `${series('feature_flag_provider_state', `state="${state}"`)} * ${index + 1}`,
  );
  return `max by (job, instance) (${numbered.join(' or ')})`;
}

/** Which flags hold where, who changed them, and whether flagd is there. */
export function flagsDashboard(): Dashboard {
  return dashboard({
    uid: 'hello-world-flags',
    title: 'hello-world / Flags',
    description: 'Feature flags by instance, the state of their provider, changes, and the admin interface.',
    from: 'now-3h',
    refresh: '30s',
    variables: [datasource(), namespace(), jobs(), instances()],
    rows: {
      'What holds': [
        stateTimeline(
          {
            title: 'Flags',
            description:
              'The value of each flag for requests, by instance. Instances that differ have an override, or lost flagd at different times. With metrics_enabled off there is nothing to see, here and elsewhere.',
            queries: [over(series('feature_flag_enabled'), '{{instance}} {{flag}}')],
            width: 12,
            alerts: ['HelloWorldScrapeRefused'],
          },
          states({ 0: ['off', 'text'], 1: ['on', 'green'] }),
        ),
        stateTimeline(
          {
            title: 'Provider',
            description:
              'The state of the flag provider, by instance. Static flags keep their last value in all of them; without one, defaults hold.',
            queries: [over(providerState(), '{{instance}}')],
            width: 12,
            alerts: ['HelloWorldFlagsProviderNotReady'],
          },
          states(
            Object.fromEntries(
              Object.entries(PROVIDER_STATES).map(([state, color], index) => [index + 1, [state, color]]),
            ),
          ),
        ),
        stat({
          title: 'Instances with a flag on',
          description:
            'How many instances have it on. Less than all, for longer than a change takes to arrive, is worth a look.',
          unit: Short,
          queries: [
            now(`sum by (flag) (${series('feature_flag_enabled')})`, '{{flag}}'),
            now(`count(${series('up')})`, 'instances'),
          ],
          width: 12,
        }),
        stat({
          title: 'Changes in the time shown',
          description: 'By who made them: an administrator (override, reset), or flagd.',
          unit: Short,
          queries: [now(`sum by (action) (increase(${series('feature_flag_changes_total')}[$__range]))`, '{{action}}')],
          width: 12,
        }),
      ],
      Changes: [
        timeseries({
          title: 'Changes by flag',
          description: 'Changes of each flag and how they came about. A flag that changes all the time is a quarrel.',
          unit: Short,
          queries: [
            over(
              `sum by (flag, action) (increase(${series('feature_flag_changes_total')}[$__rate_interval]))`,
              '{{flag}} {{action}}',
            ),
          ],
          width: 12,
        }),
        timeseries({
          title: 'Overrides by instance',
          description: 'Overrides and resets by an administrator. They hold for one process, and end with it.',
          unit: Short,
          queries: [
            over(
              `sum by (instance, action) (increase(${series('feature_flag_changes_total', 'action!="flagd"')}[$__rate_interval]))`,
              '{{instance}} {{action}}',
            ),
          ],
          width: 12,
        }),
      ],
      'Admin interface': [
        stacked({
          title: 'Calls by handler and outcome',
          description: 'What reached a handler: "rejected" was the request\'s fault, "failed" ours.',
          unit: RequestsPerSecond,
          queries: [over(`sum by (handler, outcome) (${rate('handler_requests_total')})`, '{{handler}} {{outcome}}')],
          width: 8,
          noValue: 'Never called',
        }),
        timeseries({
          title: 'Duration, p95',
          description: 'What 95 of 100 calls of a handler took at most.',
          unit: Seconds,
          queries: [
            over(
              `histogram_quantile(0.95, sum by (le, handler) (${rate('handler_duration_seconds_bucket')}))`,
              '{{handler}}',
            ),
          ],
          width: 8,
          noValue: 'Never called',
        }),
        stacked({
          title: 'Refused and failed requests',
          description: 'Answers of /admin paths that are not 2xx: 401 and 403 are somebody without a right to it.',
          unit: RequestsPerSecond,
          queries: [
            over(
              `sum by (status, handler) (${rate('http_requests_total', 'handler=~"/admin.*"', 'status!~"2.."')})`,
              '{{status}} {{handler}}',
            ),
          ],
          width: 8,
          noValue: 'None',
        }),
      ],
    },
  });
}
