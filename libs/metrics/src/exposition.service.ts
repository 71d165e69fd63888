import { Injectable, Logger } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import { type Counter, type Metric, register } from 'prom-client';
import { encodeMetric, type MetricSnapshot } from './encode-metric.js';
import type { ExpositionFormat } from './exposition-format.js';
import { COLLECT_TIMEOUT_MS, SCRAPE_ERRORS, SCRAPE_WARNING_INTERVAL_MS } from './metrics.constants.js';

/** What a scrape failed at: asking a metric for its values, or writing them down. */
export type ScrapeErrorCause = 'gathering' | 'encoding';

const CAUSES: readonly ScrapeErrorCause[] = ['gathering', 'encoding'];

/**
 * Writes all metrics of the process. One that cannot be had, or not in time, is left out, counted and logged; the
 * others are served: an alert needs the rest most when something is broken.
 */
@Injectable()
export class ExpositionService {
  private readonly logger = new Logger('Metrics');
  /** Collectors that have not answered yet: no later scrape starts them a second time. */
  private readonly collecting = new Map<Metric, Promise<MetricSnapshot>>();
  private quietUntil = 0;

  constructor(@InjectMetric(SCRAPE_ERRORS) private readonly errors: Counter<'cause'>) {
    for (const cause of CAUSES) errors.inc({ cause }, 0);
  }

  /** The whole text, within {@link COLLECT_TIMEOUT_MS} and a little more. Never rejects. */
  async expose(format: ExpositionFormat): Promise<string> {
    const missing: string[] = [];
    const leaveOut = (name: string, cause: ScrapeErrorCause, error: unknown): undefined => {
      this.errors.inc({ cause });
      missing.push(`${name} (${cause}: ${error instanceof Error ? error.message : String(error)})`);
    };

    const snapshots = await this.gather(leaveOut);
    const texts = await Promise.all(
      snapshots.map((snapshot) =>
        encodeMetric(snapshot, format).catch((error: unknown) => leaveOut(snapshot.name, 'encoding', error)),
      ),
    );
    this.warn(missing);
    return [...texts.filter((text) => text !== undefined), format === 'openmetrics' ? '# EOF\n' : ''].join('\n');
  }

  /** A metric without values is left out too: `# TYPE` alone tells nobody anything. */
  private async gather(
    leaveOut: (name: string, cause: ScrapeErrorCause, error: unknown) => undefined,
  ): Promise<MetricSnapshot[]> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer in ${COLLECT_TIMEOUT_MS} ms`)), COLLECT_TIMEOUT_MS);
    });
    const metrics = register.getMetricsAsArray() as unknown as (Metric & { readonly name: string })[];
    const snapshots = await Promise.all(
      metrics.map((metric) =>
        Promise.race([this.collect(metric), timeout]).catch((error: unknown) =>
          leaveOut(metric.name, 'gathering', error),
        ),
      ),
    );
    clearTimeout(timer);
    return snapshots.filter((snapshot) => snapshot !== undefined && snapshot.values.length > 0) as MetricSnapshot[];
  }

  private collect(metric: Metric): Promise<MetricSnapshot> {
    const running = this.collecting.get(metric);
    if (running) return running;
    const started = metric.get().finally(() => this.collecting.delete(metric));
    this.collecting.set(metric, started);
    return started;
  }

  private warn(missing: readonly string[]): void {
    const now = performance.now();
    if (missing.length === 0 || now < this.quietUntil) return;
    this.quietUntil = now + SCRAPE_WARNING_INTERVAL_MS;
    this.logger.warn(
      `a scrape goes without ${missing.join(', ')}; the other metrics are served, ` +
        `${SCRAPE_ERRORS} counts on, the next such line follows in a minute at the earliest`,
    );
  }
}
