import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import { NoUnit, PercentUnit, RequestsPerMinute, Seconds } from '@grafana/grafana-foundation-sdk/units';
import { dashboard } from './dashboard.ts';
import { stacked, stat, timeseries } from './panels.ts';
import { now, ofRelease, over } from './query.ts';
import { budgetLeft, burnRate, goodFrom, OBJECTIVES, PERIOD_SECONDS } from './thresholds.ts';
import { datasource, job, namespace } from './variables.ts';

type Slo = keyof typeof OBJECTIVES;

const MEANING: Readonly<Record<Slo, string>> = {
  availability: `${OBJECTIVES.availability * 100} % of requests are not answered with 5xx, over 30 days.`,
  latency: `${OBJECTIVES.latency * 100} % of requests are answered within 250 ms, over 30 days.`,
};
const NAMES: Readonly<Record<Slo, string>> = { availability: 'Availability', latency: 'Latency' };
const BURN_ALERTS = ['HelloWorldErrorBudgetBurnFast', 'HelloWorldErrorBudgetBurnSlow'];

/** Windows over which burn rates are recorded. Alerts look at pairs of them. */
const WINDOWS = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'];

/** How much the objectives still allow to go wrong, and how fast it is being used up. */
export function sloDashboard(): Dashboard {
  return dashboard({
    uid: 'hello-world-slo',
    title: 'hello-world / Objectives',
    description: 'Service level objectives over 30 days: what is left of the error budgets, and how fast they burn.',
    from: 'now-7d',
    refresh: '1m',
    // The budgets of two releases don't add up.
    variables: [datasource(), namespace(), job()],
    rows: {
      'Objectives over 30 days': [...nowOf('availability'), ...nowOf('latency'), history()],
      'Error budget': [
        timeseries({
          title: 'Error budget left',
          description: 'What is left of what may go wrong within 30 days. Below 0 the objective is missed.',
          unit: PercentUnit,
          queries: [over(budget(), '{{slo}}')],
          width: 12,
          thresholds: budgetLeft(),
          alerts: BURN_ALERTS,
        }),
        stacked({
          title: 'Bad requests',
          description: 'Requests that use the budgets up: answered with 5xx, or slower than 250 ms.',
          unit: RequestsPerMinute,
          queries: [
            over(
              `sum by (slo) (rate(${ofRelease('namespace_job_instance_slo:slo_bad_events:sum')}[$__rate_interval])) * 60`,
              '{{slo}}',
            ),
          ],
          width: 12,
        }),
      ],
      'Burn rate': [burnRates('availability'), burnRates('latency')],
      'Good requests': [goodShare('availability'), goodShare('latency')],
    },
  });
}

function nowOf(slo: Slo) {
  return [
    stat({
      title: `${NAMES[slo]}: error budget left`,
      description: `${MEANING[slo]} What is left of what may go wrong; below 0 the objective is missed.`,
      unit: PercentUnit,
      queries: [now(budget(`slo="${slo}"`), 'left')],
      width: 5,
      thresholds: budgetLeft(),
      alerts: BURN_ALERTS,
    }),
    stat({
      title: `${NAMES[slo]}: good requests`,
      description: `${MEANING[slo]} The share that was good so far.`,
      unit: PercentUnit,
      queries: [now(ofRelease('namespace_job_slo:slo_sli:ratio_increase30d', `slo="${slo}"`), 'good')],
      width: 5,
      thresholds: goodFrom(OBJECTIVES[slo]),
      noValue: 'No requests',
    }).decimals(3),
  ];
}

/** What is young, or what Prometheus forgets too early, is not what the month was. */
function history() {
  const counted = ofRelease('namespace_job_instance_slo:slo_events:sum', 'slo="availability"');
  // Looked for once an hour, which in the first hour finds nothing.
  const oldest = (window: string): string => `min(min_over_time(timestamp(${counted})[${window}]))`;
  return stat({
    title: 'History',
    description:
      'How far back there is data, of the 30 days. With less the numbers beside it are of that time alone; if it never gets to 30 days, Prometheus keeps too little (docs/how-to/alerts.md).',
    unit: Seconds,
    queries: [now(`time() - (${oldest('30d:1h')} or ${oldest('1h:15s')})`, 'history')],
    width: 4,
    thresholds: goodFrom(PERIOD_SECONDS - 3_600),
    noValue: 'None',
  });
}

function budget(...matchers: readonly string[]): string {
  return ofRelease('namespace_job_slo:slo_error_budget_remaining:ratio_increase30d', ...matchers);
}

function burnRates(slo: Slo) {
  return timeseries({
    title: `${NAMES[slo]}: burn rate`,
    description:
      'How many times faster than allowed the error budget is used up. At 1 it lasts for exactly 30 days, at 14.4 for two. ' +
      'An alert needs a long and a short window above its limit: enough was lost, and it still is.',
    unit: NoUnit,
    queries: WINDOWS.map((window) =>
      over(ofRelease(`namespace_job_slo:slo_burn_rate:ratio_increase${window}`, `slo="${slo}"`), window),
    ),
    width: 12,
    thresholds: burnRate(),
    alerts: BURN_ALERTS,
    noValue: 'No requests',
  });
}

function goodShare(slo: Slo) {
  const [bad, all] = ['bad_events', 'events'].map((name) => {
    const counter = ofRelease(`namespace_job_instance_slo:slo_${name}:sum`, `slo="${slo}"`);
    return `sum(rate(${counter}[$__rate_interval]))`;
  });
  return timeseries({
    title: `${NAMES[slo]}: good requests at the time`,
    description: `${MEANING[slo]} The share that was good at each time, against the objective.`,
    unit: PercentUnit,
    queries: [over(`1 - ${bad} / ${all}`, 'good')],
    width: 12,
    thresholds: goodFrom(OBJECTIVES[slo]),
    noValue: 'No requests',
  }).max(1);
}
