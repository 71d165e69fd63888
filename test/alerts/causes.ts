import type { AlertCase } from './alert-case.js';
import type { AlertsStack } from './stack.js';

const SERVICE = { dashboard: 'hello-world-service' };
const RUNTIME = { dashboard: 'hello-world-runtime' };
const FLAGS = { dashboard: 'hello-world-flags' };
const SLO = { dashboard: 'hello-world-slo' };

const SECOND = ['hello-world-2'] as const;

/** How many requests a second the suite sends, as long as nothing is wrong. */
export const STEADY_REQUESTS_PER_SECOND = 20;
/** The cause that needs no restart. */
export const METRICS_OFF = 'the flag metrics_enabled is switched off';
/** Enough for RestartingOften. */
const MANY_RESTARTS = 3;
/** What a restart explains: earlier ones may not be long ago, and a loaded machine takes its time to start the service. */
const RESTART = ['HelloWorldRestartingOften (warning)', 'HelloWorldInstanceDown (warning)'];

const healFaults = (stack: AlertsStack): void => stack.inject({});

/**
 * Every alert on series of the service or of Prometheus itself, each with a true cause, or where there can be none on a
 * healthy image, with one by faults/faults.mjs. In an order in which one does not bring about the next: an hour is three
 * minutes here, and three restarts within it are RestartingOften.
 */
export const CASES: readonly AlertCase[] = [
  {
    alert: 'HelloWorldTargetDown',
    severity: 'critical',
    cause: 'both instances are killed',
    summary: /^No instance of hello-world in local is up$/,
    ...SERVICE,
    begin: async (stack) => void (await stack.compose('kill', 'hello-world', 'hello-world-2')),
    async heal(stack) {
      await stack.compose('start', 'hello-world', 'hello-world-2');
    },
    // The one that is back first has the other one still down, and no requests yet.
    explains: ['HelloWorldInstanceDown (warning)', 'HelloWorldNoTraffic (info)'],
  },
  {
    // Early: in the windows of a day and of three there is little yet that a slow burn would have to outweigh.
    alert: 'HelloWorldErrorBudgetBurnSlow',
    severity: 'warning',
    cause: 'one request of 25 takes 0.3 s longer',
    summary: /^hello-world in local burns its error budget \d+(\.\d+)? times too fast$/,
    ...SLO,
    begin: (stack) => stack.inject({ slowMs: 300, slowShare: 1 / 25 }),
    heal: healFaults,
  },
  {
    alert: 'HelloWorldRestartingOften',
    severity: 'warning',
    cause: `one instance is restarted ${MANY_RESTARTS} times`,
    summary: /^An instance of hello-world in local keeps restarting$/,
    ...RUNTIME,
    async begin(stack) {
      for (let count = 0; count < MANY_RESTARTS; count += 1) {
        await stack.restart('hello-world-2');
        await stack.isScraped('hello-world-2');
      }
    },
    heal: (stack) => stack.isReady('hello-world-2'),
    // As it would be of one that crashes again and again.
    explains: ['HelloWorldInstanceDown (warning)', 'HelloWorldNotReady (warning)'],
  },
  {
    alert: 'HelloWorldHighErrorRate',
    severity: 'warning',
    cause: 'every second request is refused with 422',
    summary: /^hello-world in local answers \d+(\.\d+)?% of requests with an error$/,
    ...SERVICE,
    begin: (stack) => stack.inject({ failingStatus: 422, failingShare: 0.5 }),
    heal: healFaults,
  },
  {
    // More than one request of twenty is slow, and fewer than would burn the budget fast, which holds this one back.
    alert: 'HelloWorldHighLatencyP95',
    severity: 'warning',
    cause: 'one request of 18 takes 0.7 s longer',
    summary: /^hello-world in local is slow: P95 is \d+(\.\d+)?m?s$/,
    ...SERVICE,
    begin: (stack) => stack.inject({ slowMs: 700, slowShare: 1 / 18 }),
    heal: healFaults,
    explains: ['HelloWorldErrorBudgetBurnSlow (warning)'],
  },
  {
    alert: 'HelloWorldNoTraffic',
    severity: 'info',
    cause: 'nobody sends requests',
    summary: /^hello-world in local gets no requests$/,
    ...SERVICE,
    begin: (stack) => stack.traffic.stop(),
    heal: (stack) => stack.traffic.start(STEADY_REQUESTS_PER_SECOND),
  },
  {
    alert: 'HelloWorldMetricsHandlerErrors',
    severity: 'warning',
    cause: 'a metric cannot be collected',
    summary: /^Scrapes of hello-world in local lack metrics$/,
    ...RUNTIME,
    begin: (stack) => stack.inject({ failingScrape: true }),
    heal: healFaults,
  },
  {
    alert: 'HelloWorldMigrationsPending',
    severity: 'warning',
    cause: 'one instance is of a release whose migration has not run',
    summary: /^The database of hello-world in local lacks migrations$/,
    ...SERVICE,
    begin: (stack) => stack.deploy({ migration: 'NotApplied4102444800000' }),
    heal: (stack) => stack.deploy({}),
    explains: ['HelloWorldNotReady (warning)', ...RESTART],
  },
  {
    alert: 'HelloWorldInstanceDown',
    severity: 'warning',
    cause: 'one of two instances hangs',
    summary: /^Instances of hello-world in local are down: 1$/,
    ...SERVICE,
    begin: async (stack) => void (await stack.compose('kill', '--signal=STOP', ...SECOND)),
    heal: async (stack) => void (await stack.compose('kill', '--signal=CONT', ...SECOND)),
  },
  {
    alert: 'HelloWorldTargetDown',
    severity: 'critical',
    cause: METRICS_OFF,
    summary: /^No instance of hello-world in local is up$/,
    ...SERVICE,
    begin: (stack) => stack.setFlags({ metrics: false }),
    heal: (stack) => stack.setFlags({ metrics: true }),
    // One of the two is scraped first.
    explains: ['HelloWorldInstanceDown (warning)'],
  },
  {
    alert: 'HelloWorldNotReady',
    severity: 'critical',
    cause: 'Postgres is stopped',
    summary: /^No instance of hello-world in local is ready$/,
    ...SERVICE,
    begin: async (stack) => void (await stack.compose('stop', 'db')),
    heal: async (stack) => void (await stack.compose('start', 'db')),
    // The load balancer has nobody to send requests to.
    holdsBack: ['HelloWorldNotReady (warning)', 'HelloWorldNoTraffic (info)'],
  },
  {
    alert: 'HelloWorldNotReady',
    severity: 'warning',
    cause: 'the pool of one instance is held',
    summary: /^Instances of hello-world in local are not ready: 1$/,
    ...SERVICE,
    begin: (stack) => stack.inject({ holdPool: true }, SECOND),
    heal: healFaults,
    explains: ['HelloWorldDatabasePoolExhausted (warning)'],
  },
  {
    alert: 'HelloWorldDatabasePoolExhausted',
    severity: 'warning',
    cause: 'handlers of one instance give no connection back',
    summary: /^The database pool of hello-world in local is exhausted$/,
    ...RUNTIME,
    begin: (stack) => stack.inject({ holdPool: true }, SECOND),
    heal: healFaults,
    explains: ['HelloWorldNotReady (warning)'],
  },
  {
    alert: 'HelloWorldVersionSkew',
    severity: 'warning',
    cause: 'one instance is of another version',
    summary: /^2 builds of hello-world run in local$/,
    ...SERVICE,
    begin: (stack) => stack.deploy({ version: '0.0.0-other' }),
    heal: (stack) => stack.deploy({}),
    explains: RESTART,
  },
  {
    alert: 'HelloWorldMemoryNearLimit',
    severity: 'warning',
    cause: 'one instance holds more than 90 % of its memory limit',
    summary: /^hello-world in local uses 9\d(\.\d+)?% of its memory$/,
    ...RUNTIME,
    begin: (stack) => stack.inject({ memoryShare: 0.91 }, SECOND),
    heal: healFaults,
  },
  {
    alert: 'HelloWorldEventLoopLag',
    severity: 'warning',
    cause: 'code of one instance computes for 150 ms at a time',
    summary: /^The event loop of hello-world in local lags by \d+(\.\d+)?m?s$/,
    ...RUNTIME,
    begin: (stack) => stack.inject({ blockMs: 150 }, SECOND),
    heal: healFaults,
  },
  {
    alert: 'HelloWorldFlagsProviderNotReady',
    severity: 'warning',
    cause: 'flagd is stopped',
    summary: /^hello-world in local has lost its flag provider$/,
    ...FLAGS,
    begin: async (stack) => void (await stack.compose('stop', 'flagd')),
    heal: async (stack) => void (await stack.compose('start', 'flagd')),
  },
  {
    alert: 'HelloWorldTelemetryDropped',
    severity: 'warning',
    cause: 'tracing is on, and the collector is killed',
    summary: /^hello-world in local loses logs or traces$/,
    ...RUNTIME,
    async begin(stack) {
      stack.setFlags({ tracing: true });
      await stack.compose('kill', 'otel-collector');
    },
    async heal(stack) {
      stack.setFlags({ tracing: false });
      await stack.compose('start', 'otel-collector');
    },
  },
  {
    alert: 'HelloWorldErrorBudgetBurnFast',
    severity: 'critical',
    cause: 'every fifth request fails with 500',
    summary: /^hello-world in local burns its error budget \d+(\.\d+)? times too fast$/,
    ...SLO,
    begin: (stack) => stack.inject({ failingStatus: 500, failingShare: 0.2 }),
    heal: healFaults,
    holdsBack: ['HelloWorldHighErrorRate (warning)', 'HelloWorldErrorBudgetBurnSlow (warning)'],
  },
];

/** Alerts on series of other exporters, which do not run here: rule unit tests prove them. */
export const PROVEN_BY_UNIT_TESTS: Readonly<Record<string, { readonly why: string; readonly tests: string }>> = {
  HelloWorldScrapeRefused: {
    why: 'needs kube-state-metrics: pods are ready that cannot be scraped',
    tests: 'monitoring/tests/targets.test.yaml',
  },
  HelloWorldCertificateExpiring: {
    why: 'needs cert-manager',
    tests: 'monitoring/tests/kubernetes.test.yaml',
  },
  HelloWorldAutoscalerAtMax: {
    why: 'needs kube-state-metrics: the state of the autoscaler',
    tests: 'monitoring/tests/kubernetes.test.yaml',
  },
};
