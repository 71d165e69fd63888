import { AsyncLocalStorage } from 'node:async_hooks';
import { HttpException, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { type HealthCheckResult, HealthCheckService, HealthIndicatorService } from '@nestjs/terminus';
import { DatabaseHealth } from './database.health.js';
import { DatabaseProbe } from './database-probe.service.js';
import { DrainHealth } from './drain.health.js';
import { CHECK_TIMEOUT_MS, STALE_RESULT_MS } from './health.constants.js';
import { MigrationsHealth } from './migrations.health.js';
import type { ReadinessCheck, ReadinessCheckName } from './readiness-check.js';

/** The answer to one probe. */
export interface Readiness {
  readonly ready: boolean;
  /** `ready`, or every check that fails with its reason, in one line. */
  readonly summary: string;
  /** Terminus' own answer, per indicator. */
  readonly details: HealthCheckResult;
}

/** Whether this instance wants traffic. */
@Injectable()
export class ReadinessService implements OnApplicationBootstrap {
  private readonly logger = new Logger('Readiness');
  private readonly outsideRequests = AsyncLocalStorage.snapshot();
  private readonly checks: readonly ReadinessCheck[];
  private readonly passes = new Map<ReadinessCheckName, boolean>();
  private evaluatedAt = Number.NEGATIVE_INFINITY;
  private lastSummary: string | undefined;

  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicatorService,
    probe: DatabaseProbe,
    drain: DrainHealth,
    database: DatabaseHealth,
    migrations: MigrationsHealth,
  ) {
    this.checks = probe.enabled ? [drain, database, migrations] : [drain];
  }

  onApplicationBootstrap(): void {
    this.evaluateInBackground();
  }

  async evaluate(): Promise<Readiness> {
    this.evaluatedAt = performance.now();
    const details = await this.askTerminus();
    const failures = this.checks
      .map(({ name }) => ({ name, state: details.details[name] }))
      .filter(({ name, state }) => {
        this.passes.set(name, state?.status === 'up');
        return state?.status !== 'up';
      });
    const reasons = failures.map(({ name, state }) => `${name}: ${String(state?.['message'] ?? 'no answer')}`);
    const summary = failures.length === 0 ? 'ready' : `not ready: ${reasons.join('; ')}`;
    this.logChange(summary);
    return { ready: failures.length === 0, summary, details };
  }

  /**
   * Whether each check passed when it was last made. Never waits: results that are old are asked for anew in the
   * background, for whoever looks next.
   */
  lastResults(): ReadonlyMap<ReadinessCheckName, boolean> {
    if (performance.now() - this.evaluatedAt > STALE_RESULT_MS) this.evaluateInBackground();
    return this.passes;
  }

  /** In nobody's name: the log must not tie a change of readiness to the scrape that happened to look. */
  private evaluateInBackground(): void {
    this.outsideRequests(() => void this.evaluate().catch(() => undefined));
  }

  private async askTerminus(): Promise<HealthCheckResult> {
    try {
      return await this.health.check(
        this.checks.map(
          (check) => () =>
            this.indicators
              .check(check.name)
              .attempt(async () => check.check())
              .withTimeout(CHECK_TIMEOUT_MS),
        ),
      );
    } catch (error) {
      // Terminus throws what is not well, in the shape of what is.
      if (error instanceof HttpException) return error.getResponse() as HealthCheckResult;
      throw error;
    }
  }

  private logChange(summary: string): void {
    if (summary === this.lastSummary) return;
    const isStarting = this.lastSummary === undefined;
    this.lastSummary = summary;
    if (summary === 'ready' || isStarting) this.logger.log(summary);
    else this.logger.warn(`${summary}; load balancers send no new requests until this passes`);
  }
}
