import type { Provider } from '@nestjs/common';
import { makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { APP_CONFIG, type AppConfig } from '#libs/config';
import { DatabaseConnection } from '#libs/database';
import { DatabaseProbe } from '#libs/health';

/** Metrics of the database, where one is configured. A scrape waits for no query: it shows what is known. */
export const databaseMetrics: Provider[] = [
  makeGaugeProvider({
    name: 'db_pool_connections',
    help: 'Connections of the pool by state; "waiting" counts the callers that wait for one.',
    labelNames: ['state'],
    inject: [DatabaseConnection],
    collect(this: Gauge, database: DatabaseConnection) {
      if (!database.enabled) return;
      const { idle, busy, waiting } = database.poolStats() ?? { idle: 0, busy: 0, waiting: 0 };
      this.set({ state: 'idle' }, idle);
      this.set({ state: 'busy' }, busy);
      this.set({ state: 'waiting' }, waiting);
    },
  }),
  makeGaugeProvider({
    name: 'db_pool_connections_max',
    help: 'Most connections the pool opens.',
    inject: [DatabaseConnection, APP_CONFIG],
    collect(this: Gauge, database: DatabaseConnection, config: AppConfig) {
      setOrLeaveOut(this, database.enabled ? config.database.poolMax : undefined);
    },
  }),
  makeGaugeProvider({
    name: 'db_migrations_pending',
    help: 'Migrations of this build that the database lacked when readiness last asked it.',
    inject: [DatabaseProbe],
    collect(this: Gauge, probe: DatabaseProbe) {
      setOrLeaveOut(this, probe.lastPending);
    },
  }),
];

/** prom-client starts a gauge without labels at 0, which would be a statement. */
function setOrLeaveOut(gauge: Gauge, value: number | undefined): void {
  if (value === undefined) gauge.remove();
  else gauge.set(value);
}
