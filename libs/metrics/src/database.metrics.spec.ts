import { afterEach, describe, expect, it } from '@jest/globals';
import { Test } from '@nestjs/testing';
import { register } from 'prom-client';
import { APP_CONFIG } from '#libs/config';
import { DatabaseConnection, type PoolStats } from '#libs/database';
import { DatabaseProbe } from '#libs/health';
import { databaseMetrics } from './database.metrics.js';

interface Database {
  readonly enabled: boolean;
  readonly pool?: PoolStats;
  readonly pending?: number;
}

/** The values of the database's metrics, by series. */
async function collected({ enabled, pool, pending }: Database): Promise<Record<string, number>> {
  await Test.createTestingModule({
    providers: [
      ...databaseMetrics,
      { provide: DatabaseConnection, useValue: { enabled, poolStats: () => pool } },
      { provide: DatabaseProbe, useValue: { lastPending: pending } },
      { provide: APP_CONFIG, useValue: { database: { poolMax: 7 } } },
    ],
  }).compile();
  const metrics = await register.getMetricsAsJSON();
  return Object.fromEntries(
    metrics.flatMap(({ name, values }) =>
      values.map(({ labels, value }) => [[name, ...Object.values(labels)].join(' '), value]),
    ),
  );
}

describe('databaseMetrics', () => {
  afterEach(() => {
    register.clear();
  });

  it('say nothing where no database is configured', async () => {
    expect(await collected({ enabled: false })).toEqual({});
  });

  it('tell of an empty pool, and nothing of migrations, while the database has not answered', async () => {
    expect(await collected({ enabled: true })).toEqual({
      'db_pool_connections idle': 0,
      'db_pool_connections busy': 0,
      'db_pool_connections waiting': 0,
      db_pool_connections_max: 7,
    });
  });

  it('tell the pool by state and the migrations last found pending', async () => {
    expect(await collected({ enabled: true, pool: { idle: 1, busy: 2, waiting: 3 }, pending: 4 })).toEqual({
      'db_pool_connections idle': 1,
      'db_pool_connections busy': 2,
      'db_pool_connections waiting': 3,
      db_pool_connections_max: 7,
      db_migrations_pending: 4,
    });
  });
});
