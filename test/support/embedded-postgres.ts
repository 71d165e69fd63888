import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../scripts/local/embedded-postgres.ts';
import { childrenOf, endProcess, identityOf, signal } from '../../scripts/local/process-table.ts';
import { guardFolder } from './guard.js';

/** A real Postgres of one test file, with data that is thrown away. */
export interface TestPostgres {
  /** Of a database that every test of the file shares, as superuser. */
  readonly url: string;
  readonly port: number;
  /** Makes an empty database. @returns its URL, as superuser */
  createDatabase(): Promise<string>;
  /**
   * Makes a role that may use the tables of a database, present and future, and change none of them (no DDL).
   *
   * @returns the database's URL, as that role
   */
  createRole(databaseUrl: string): Promise<string>;
  /** Hangs the server: connections are accepted and never answered. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Ends the server as a power cut would; the data stays. */
  kill(): Promise<void>;
  /** Ends the server in order; the data stays. */
  stop(): Promise<void>;
  /** Starts it again on the same port and data; does nothing while it runs. */
  start(): Promise<void>;
  /** Ends the server and removes the data: for `afterAll`. */
  remove(): Promise<void>;
}

/** Fast, and unfit for data that anybody would miss; what was committed still survives a killed server. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  autovacuum: 'off',
  io_method: 'sync',
  shared_buffers: '16MB',
};

export async function startPostgres(): Promise<TestPostgres> {
  const folder = await mkdtemp(join(tmpdir(), 'hello-world-postgres-'));
  const dismissGuard = guardFolder(folder);
  const dataFolder = join(folder, 'postgres');
  let server: EmbeddedPostgres | undefined;
  const start = async (port?: number) => {
    server = await startEmbeddedPostgres({ dataFolder, settings: SETTINGS, ...(port !== undefined && { port }) });
    server.unref();
    return server;
  };
  const { url, port } = await start();
  // The main process first, so that a stopped one starts no further ones.
  const processes = () => (server ? [server.pid, ...childrenOf(server.pid)] : []);
  const resume = async () => {
    for (const pid of processes().toReversed()) signal(pid, 'SIGCONT');
  };
  const stop = async () => {
    await resume();
    await server?.stop();
    server = undefined;
  };

  return {
    url,
    port,
    async createDatabase() {
      const name = `test_${randomBytes(6).toString('hex')}`;
      await execute(url, `CREATE DATABASE ${name}`);
      return withParts(url, { pathname: `/${name}` });
    },
    async createRole(databaseUrl) {
      const [name, password] = [`role_${randomBytes(6).toString('hex')}`, randomBytes(12).toString('hex')];
      const privileges = 'SELECT, INSERT, UPDATE, DELETE ON TABLES';
      await execute(
        databaseUrl,
        `CREATE ROLE ${name} LOGIN PASSWORD '${password}';
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO ${name};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ${name};
         ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ${privileges} TO ${name};
         ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO ${name}`,
      );
      return withParts(databaseUrl, { username: name, password });
    },
    async pause() {
      for (const pid of processes()) signal(pid, 'SIGSTOP');
    },
    resume,
    async kill() {
      await Promise.all(processes().map((pid) => endProcess(pid, identityOf(pid) ?? '', [['SIGKILL', 5_000]])));
      await server?.exited;
      server = undefined;
    },
    stop,
    async start() {
      if (server === undefined) await start(port);
    },
    async remove() {
      await stop();
      await rm(folder, { recursive: true, force: true });
      dismissGuard();
    },
  };
}

async function execute(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function withParts(url: string, parts: Partial<Pick<URL, 'pathname' | 'username' | 'password'>>): string {
  return Object.assign(new URL(url), parts).href;
}
