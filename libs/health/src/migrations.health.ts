import { Injectable } from '@nestjs/common';
import { DatabaseProbe } from './database-probe.service.js';
import type { ReadinessCheck } from './readiness-check.js';

/** Ready once every migration of this build is applied; those of a newer release do not matter. */
@Injectable()
export class MigrationsHealth implements ReadinessCheck {
  readonly name = 'migrations';

  constructor(private readonly probe: DatabaseProbe) {}

  async check(): Promise<void> {
    const { pending } = await this.probe.ask();
    if (pending.length > 0) throw new Error(`${pending.length} pending: run the migrations of this release`);
  }
}
