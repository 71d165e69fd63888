import { Injectable } from '@nestjs/common';
import { DatabaseProbe } from './database-probe.service.js';
import type { ReadinessCheck } from './readiness-check.js';

/** Ready while the database answers. Liveness never asks it: an outage must not restart every pod. */
@Injectable()
export class DatabaseHealth implements ReadinessCheck {
  readonly name = 'database';

  constructor(private readonly probe: DatabaseProbe) {}

  async check(): Promise<void> {
    await this.probe.ask();
  }
}
