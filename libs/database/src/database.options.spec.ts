import { describe, expect, it } from '@jest/globals';
import { type DatabaseConfig, SecretValue } from '#libs/config';
import { migrationDataSourceOptions, serviceDataSourceOptions } from './database.options.js';

const config: DatabaseConfig = {
  url: SecretValue.fromEnvironment('postgres://hello:s3cret@db:5433/hellodb?options=-c%20a%3Db&max=99'),
  migrateOnStart: false,
  poolMax: 7,
  connectTimeoutMs: 1_500,
  statementTimeoutMs: 4_000,
  lockTimeoutMs: 3_000,
};

describe('serviceDataSourceOptions', () => {
  it('bounds the pool, the connecting and every statement, on both sides of the wire', () => {
    const options = serviceDataSourceOptions(config, 'greeter');

    expect(options).toMatchObject({
      host: 'db',
      port: 5433,
      username: 'hello',
      database: 'hellodb',
      ssl: false,
      applicationName: 'greeter',
      poolSize: 7,
      connectTimeoutMS: 1_500,
      installExtensions: false,
      extra: { statement_timeout: 4_000, query_timeout: 5_000, keepAlive: true, options: '-c a=b' },
    });
    expect(options.migrations).toBeUndefined();
    expect(options.extra).not.toHaveProperty('max');
  });

  it('holds no password that could be printed', () => {
    expect(JSON.stringify(serviceDataSourceOptions(config, 'greeter'))).not.toContain('s3cret');
  });

  it('describes a data source that leads nowhere when there is no database', () => {
    const options = serviceDataSourceOptions({ ...config, url: undefined }, 'greeter');

    expect(options).not.toHaveProperty('host');
    expect(options).not.toHaveProperty('password');
  });

  it('leaves user and database to the driver when the URL names none', () => {
    const url = SecretValue.fromEnvironment('postgres://db');

    const options = serviceDataSourceOptions({ ...config, url }, 'greeter');

    expect(options).not.toHaveProperty('username');
    expect(options).not.toHaveProperty('database');
  });
});

describe('migrationDataSourceOptions', () => {
  it('bounds the wait for a lock, not the statement, and runs each migration in a transaction', () => {
    const options = migrationDataSourceOptions(config, 'greeter');

    expect(options).toMatchObject({ migrationsTransactionMode: 'each', extra: { lock_timeout: 3_000 } });
    expect(options.extra).not.toHaveProperty('statement_timeout');
    expect(options.extra).not.toHaveProperty('query_timeout');
  });
});
