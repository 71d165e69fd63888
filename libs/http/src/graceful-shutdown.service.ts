import { setTimeout as delay } from 'node:timers/promises';
import { type INestApplication, Injectable, Logger } from '@nestjs/common';
import type { ShutdownConfig } from '#libs/config';
import { DrainState } from './drain-state.service.js';

/** Exit code of a process that could not end in time. */
const EXIT_CODE_DEADLINE = 1;
/** By convention of shells: 128 and the number of the signal. */
const EXIT_CODE_BY_SIGNAL = { SIGINT: 130, SIGTERM: 143 } as const;

type Signal = keyof typeof EXIT_CODE_BY_SIGNAL;

/** How the process ends; a test puts its own in place. */
export interface ProcessExit {
  /** Writes out what is buffered, bounded in time, then ends the process. */
  (code: number): void;
}

/**
 * The way out: readiness fails at once, the service serves on while load balancers learn of it, then it stops
 * accepting, finishes what is in flight, flushes, closes, and exits 0. A deadline stands over all of it, and a
 * second signal ends it now.
 */
@Injectable()
export class GracefulShutdown {
  private readonly logger = new Logger('Shutdown');
  private started = false;

  constructor(private readonly drain: DrainState) {}

  /** The first signal begins the way out; a second one cuts it short. */
  onSignal(signal: Signal, app: INestApplication, config: ShutdownConfig, exit: ProcessExit): void {
    if (this.started) {
      this.logger.warn(`second signal (${signal}): ending now, requests in flight are lost`);
      exit(EXIT_CODE_BY_SIGNAL[signal]);
      return;
    }
    this.started = true;
    this.drain.startDraining();
    this.logger.log(`${signal}: draining for ${config.drainMs} ms, ending within ${config.timeoutMs} ms`);
    setTimeout(() => {
      this.logger.error(`shutdown took longer than ${config.timeoutMs} ms: ending now, requests in flight are lost`);
      exit(EXIT_CODE_DEADLINE);
    }, config.timeoutMs).unref();
    void this.close(app, config).then(
      () => exit(0),
      (error: unknown) => {
        this.logger.error({ err: error, msg: 'shutdown failed half-way: ending now' });
        exit(EXIT_CODE_DEADLINE);
      },
    );
  }

  private async close(app: INestApplication, { drainMs }: ShutdownConfig): Promise<void> {
    await delay(drainMs);
    await app.close();
    this.logger.log('shutdown complete');
  }
}
