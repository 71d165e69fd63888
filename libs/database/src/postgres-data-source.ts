import type { Pool, PoolClient } from 'pg';
import { DataSource } from 'typeorm';
import { isAuthenticationFailure } from './connection-failure.js';
import type { PostgresDataSourceOptions } from './database.options.js';

/** A TypeORM data source that can be tried again after a failure, and whose pool never hands out a stuck connection. */
export class PostgresDataSource extends DataSource {
  /** Where the server is, for messages: `host:port`. */
  readonly address: string;

  constructor(options: PostgresDataSourceOptions) {
    super(options);
    this.address = `${options.host}:${options.port}`;
  }

  /** The driver's connections; `undefined` while it is not connected. */
  get pool(): Pool | undefined {
    return 'master' in this.driver ? (this.driver.master as Pool | undefined) : undefined;
  }

  /** Connects; a refused password is read and tried once more, as it may have been rotated at that very moment. */
  override async initialize(): Promise<this> {
    await retryOnceWhenRefused(() => this.open());
    this.pool?.on('release', dropIfStuck);
    return this;
  }

  private async open(): Promise<void> {
    try {
      await super.initialize();
    } catch (error) {
      // TypeORM leaves the pool open when the first query on it fails, much as in
      // https://github.com/typeorm/typeorm/issues/12705. May go when a failed `initialize` closes what it opened.
      if (!this.isInitialized && this.pool !== undefined) await this.driver.disconnect();
      throw error;
    }
  }
}

/** Runs it, and once more after a failed authentication: `pg` asks for the password anew at each connection. */
export async function retryOnceWhenRefused<T>(connect: () => Promise<T>): Promise<T> {
  try {
    return await connect();
  } catch (error) {
    if (!isAuthenticationFailure(error)) throw error;
    return await connect();
  }
}

/**
 * After `query_timeout` a connection still waits for the answer that did not come, and goes back to the pool like
 * that; whoever gets it next waits behind that answer (https://github.com/brianc/node-postgres/issues/3399). May go when
 * `pg` closes such a connection itself.
 */
function dropIfStuck(_error: unknown, client: PoolClient): void {
  const { _getActiveQuery: activeQuery } = client as { _getActiveQuery?: () => unknown };
  // With a query under way `end` cuts the socket at once; the pool forgets a client that is ending.
  if (activeQuery?.call(client)) void client.end();
}
