import { Injectable } from '@nestjs/common';
import { DrainState } from '#libs/http';
import type { ReadinessCheck } from './readiness-check.js';

/** Ready until the first signal to end. */
@Injectable()
export class DrainHealth implements ReadinessCheck {
  readonly name = 'drain';

  constructor(private readonly drain: DrainState) {}

  check(): void {
    if (this.drain.draining) throw new Error('the service is shutting down');
  }
}
