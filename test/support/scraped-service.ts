import { setTimeout as pause } from 'node:timers/promises';
import { readRules, writeYaml } from '../../scripts/monitoring/rules-file.ts';
import { startPostgres } from './embedded-postgres.js';
import { eventually } from './eventually.js';
import { booleanFlag, type FlagDefinitions } from './flagd/flag-definitions.js';
import { FlagdServer } from './flagd-server.js';
import { OtlpReceiver } from './otlp-receiver.js';
import { answers } from './process.js';
import { PrometheusServer } from './prometheus.js';
import { buildFaultyMain, startServiceProcess } from './service-process.js';
import { EAGER_EXPORT } from './traced-service.js';

/**
 * The built service with everything it works with, under requests of all kinds, and a Prometheus that scrapes it and
 * has the real rules loaded.
 */
export interface ScrapedService {
  readonly prometheus: PrometheusServer;
  readonly receiver: OtlpReceiver;
  readonly url: string;
  /** When all began, in seconds since the epoch. */
  readonly startedAt: number;
  /** Ends all of it: for `afterAll`. */
  stop(): Promise<void>;
}

/** How often it is scraped, and rules are evaluated. */
export const SCRAPE_INTERVAL_SECONDS = 1;

/** What its series are labelled with. */
export const TARGET = { namespace: 'local', job: 'hello-world' };

/** Between two rounds of requests. */
const ROUND_INTERVAL_MS = 100;

/** On a machine without a limit the service reports none. */
const WITH_MEMORY_LIMIT = 'data:text/javascript,process.constrainedMemory = () => 512 * 1024 * 1024';

/** Starts it all, and waits until Prometheus has seen requests, changes of flags, and a firing alert. */
export async function startScrapedService(): Promise<ScrapedService> {
  const startedAt = Math.floor(Date.now() / 1_000);
  const stops: (() => void | Promise<void>)[] = [];
  const stop = async () => {
    for (const each of stops.splice(0).toReversed()) await each();
  };
  try {
    const postgres = await startPostgres();
    stops.push(() => postgres.remove());
    const receiver = await OtlpReceiver.start();
    stops.push(() => receiver.die());
    const flagd = await FlagdServer.start(flags('off'));
    stops.push(() => flagd.stop());
    const main = await buildFaultyMain();
    stops.push(() => main.remove());
    const service = startServiceProcess(
      {
        DATABASE_URL: postgres.url,
        DATABASE_MIGRATE_ON_START: 'true',
        ENABLE_METRICS: 'true',
        ADMIN_FLAGS_ENABLED: 'true',
        FLAGD_RESOLVER: 'in-process',
        FLAGD_HOST: '127.0.0.1',
        FLAGD_SYNC_PORT: String(flagd.syncPort),
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
        ...EAGER_EXPORT,
      },
      ['--import', WITH_MEMORY_LIMIT, main.entry],
    );
    stops.push(async () => {
      service.kill();
      await service.exit;
    });
    const url = await service.url();
    await answers(`${url}/readyz`);
    const prometheus = await startPrometheus(new URL(url).host);
    stops.push(() => prometheus.stop());

    // Only what grows after the first scrape is an increase to Prometheus.
    await appears(prometheus, 'namespace_job_instance_slo:slo_bad_events:sum');
    flagd.setFlags(flags('on'));
    await post(`${url}/admin/flags`, '{"tracing":false}');
    await post(`${url}/admin/flags`, '{"tracing":"neither true nor false"}');
    await post(`${url}/admin/flags/reset`);
    stops.push(keepRequesting(url));
    await appears(prometheus, 'feature_flag_changes_total{action="flagd"} > 0');
    await appears(prometheus, 'ALERTS{alertname="HelloWorldErrorBudgetBurnFast", alertstate="firing"}');
    return { prometheus, receiver, url, startedAt, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function appears(prometheus: PrometheusServer, expression: string): Promise<void> {
  await eventually(`${expression} appears`, async () => (await prometheus.query(expression)).length > 0);
}

/** @returns what ends it, and fails if a request did */
function keepRequesting(url: string): () => Promise<void> {
  const end = new AbortController();
  const requests = (async () => {
    while (!end.signal.aborted) {
      for (const path of ['/', '/', '/', '/faulty/error', '/nothing-here', '/admin/flags'])
        await (await fetch(url + path)).arrayBuffer();
      await pause(ROUND_INTERVAL_MS);
    }
  })();
  requests.catch(() => {}); // Told at the end.
  return async () => {
    end.abort();
    await requests;
  };
}

async function post(url: string, body?: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  await (await fetch(url, { method: 'POST', ...(body !== undefined && { body, headers }) })).arrayBuffer();
}

function flags(tracing: 'on' | 'off'): FlagDefinitions {
  return { metrics_enabled: booleanFlag('on'), tracing_enabled: booleanFlag(tracing) };
}

function startPrometheus(target: string): Promise<PrometheusServer> {
  const interval = `${SCRAPE_INTERVAL_SECONDS}s`;
  const config = {
    global: {
      scrape_interval: interval,
      scrape_timeout: interval,
      evaluation_interval: interval,
      external_labels: { environment: 'local' },
    },
    rule_files: ['rules.yaml'],
    scrape_configs: [
      { job_name: TARGET.job, static_configs: [{ targets: [target], labels: { namespace: TARGET.namespace } }] },
    ],
  };
  // As they are, but evaluated as often as there are scrapes.
  const rules = { groups: readRules().groups.map((group) => Object.assign(group, { interval })) };
  return PrometheusServer.start({
    config: writeYaml([], config),
    files: { 'rules.yaml': writeYaml([], rules) },
    args: ['--enable-feature=exemplar-storage'],
  });
}
