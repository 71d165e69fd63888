import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { readRules, writeYaml } from '../../scripts/monitoring/rules-file.ts';
import { parseDuration, type Scale, scaleRules } from '../../scripts/monitoring/scale-rules.ts';

/** The environments that Alertmanager tells apart. */
export type EnvironmentName = 'prod' | 'non-prod';

/**
 * By what the times of the rules are divided; the error budget has windows of up to 3 days. Others cannot be divided by
 * more: Prometheus takes up to 10 s to notice that an instance is no target any more, and a loaded machine as long to
 * start one.
 */
export const SCALE = {
  factor: 20,
  groupFactors: { 'hello-world-slo': 480 },
  /** Four scrapes. */
  floorMs: 4_000,
  intervalFloorMs: 1_000,
} as const satisfies Scale;

/** How often targets are scraped and rules evaluated. */
const INTERVAL = '1s';
/** Alertmanager's waits for what the next evaluations may find are as many evaluations of rules as before. */
const WAIT_FACTOR = 15;
/** Its other intervals. */
const INTERVAL_FACTOR = 60;

interface PrometheusConfig {
  global: { scrape_interval: string; evaluation_interval: string; external_labels: { environment: string } };
  scrape_configs: ScrapeConfig[];
}

interface ScrapeConfig {
  job_name: string;
  static_configs?: { targets: string[]; labels?: Record<string, string> }[];
  dns_sd_configs?: object[];
  relabel_configs?: object[];
}

interface Route {
  receiver?: string;
  group_wait?: string;
  group_interval?: string;
  repeat_interval?: string;
  mute_time_intervals?: string[];
  routes?: Route[];
}

/** By what the times of an alert are divided. */
export function factorOf(alert: string): number {
  const group = readRules().groups.find(({ rules }) => rules.some((rule) => 'alert' in rule && rule.alert === alert));
  const factors: Record<string, number> = SCALE.groupFactors;
  return factors[group?.name ?? ''] ?? SCALE.factor;
}

/**
 * Changes a copy of monitoring/ into what the stack mounts. What differs from the repository's:
 *
 * - time: intervals, windows and waits are divided;
 * - the environment, so that the pager is reached;
 * - instances are found by name, as pods are: one that has ended is no target any more;
 * - the quiet hours of the digest are off, so that the suite runs at any hour.
 */
export function deriveMonitoring(folder: string): void {
  const rules = scaleRules(readRules(), SCALE);
  writeFileSync(join(folder, 'prometheus-rules.yaml'), writeYaml(['Shortened for test/alerts.'], rules));
  rewrite(join(folder, 'prometheus/prometheus.yml'), (config) => shortenPrometheus(config as PrometheusConfig));
  rewrite(join(folder, 'alertmanager/alertmanager.yml'), (config) => {
    const file = config as { route: Route };
    file.route = shortenRoute(file.route);
  });
}

/** Changes the environment in a configuration with which Prometheus then has to be started anew. */
export function writeEnvironment(folder: string, environment: EnvironmentName): void {
  rewrite(join(folder, 'prometheus/prometheus.yml'), (config) => {
    (config as PrometheusConfig).global.external_labels.environment = environment;
  });
}

function shortenPrometheus(config: PrometheusConfig): void {
  config.global.scrape_interval = INTERVAL;
  config.global.evaluation_interval = INTERVAL;
  config.global.external_labels.environment = 'prod';
  const job = config.scrape_configs.find(({ job_name }) => job_name === 'hello-world');
  const [target] = job?.static_configs ?? [];
  const [name, port] = target?.targets[0]?.split(':') ?? [];
  if (job === undefined || name === undefined) throw new Error('prometheus.yml has no target of hello-world');
  delete job.static_configs;
  job.dns_sd_configs = [{ names: [name], type: 'A', port: Number(port), refresh_interval: INTERVAL }];
  job.relabel_configs = Object.entries(target?.labels ?? {}).map(([label, value]) => ({
    target_label: label,
    replacement: value,
  }));
}

function shortenRoute({ mute_time_intervals: _quiet, ...route }: Route): Route {
  // A heartbeat as fast as that would drown all else.
  if (route.receiver === 'watchdog') return route;
  const { group_wait, group_interval, repeat_interval, routes } = route;
  return {
    ...route,
    ...(group_wait !== undefined && { group_wait: divided(group_wait, WAIT_FACTOR) }),
    ...(group_interval !== undefined && { group_interval: divided(group_interval, INTERVAL_FACTOR) }),
    ...(repeat_interval !== undefined && { repeat_interval: divided(repeat_interval, INTERVAL_FACTOR) }),
    ...(routes !== undefined && { routes: routes.map(shortenRoute) }),
  };
}

function divided(duration: string, factor: number): string {
  return `${Math.ceil(parseDuration(duration) / factor)}ms`;
}

/** In place: a file that is mounted stays the same file. */
function rewrite(path: string, change: (config: unknown) => void): void {
  const config: unknown = parse(readFileSync(path, 'utf8'), { merge: true });
  change(config);
  writeFileSync(path, stringify(config, { aliasDuplicateObjects: false }));
}
