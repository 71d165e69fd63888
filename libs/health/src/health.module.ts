import { Module } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { DatabaseHealth } from './database.health.js';
import { DatabaseProbe } from './database-probe.service.js';
import { DrainHealth } from './drain.health.js';
import { HealthController } from './health.controller.js';
import { MigrationsHealth } from './migrations.health.js';
import { ReadinessService } from './readiness.service.js';

/** Probes. Needs the global `DatabaseModule`. Terminus' own logger would print every failed probe in full: readiness logs its changes instead. */
@Module({
  imports: [TerminusModule.forRoot({ logger: false })],
  controllers: [HealthController],
  providers: [DatabaseProbe, DatabaseHealth, DrainHealth, MigrationsHealth, ReadinessService],
  exports: [DatabaseProbe, ReadinessService],
})
export class HealthModule {}
