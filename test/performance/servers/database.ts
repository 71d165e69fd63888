import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../../../scripts/local/embedded-postgres.ts';
import { guardFolder } from '../../support/guard.ts';

export interface Database {
  readonly url: string;
  /** Ends the server, and removes its data. */
  remove(): Promise<void>;
}

/** A real Postgres for the servers that are measured, with data that nobody will miss. */
export async function startDatabase(): Promise<Database> {
  const folder = await mkdtemp(join(tmpdir(), 'hello-world-bench-'));
  // A bench that is killed takes it along.
  const dismissGuard = guardFolder(folder);
  const remove = async (): Promise<void> => {
    await rm(folder, { recursive: true, force: true });
    dismissGuard();
  };
  try {
    const postgres = await startEmbeddedPostgres({ dataFolder: join(folder, 'postgres'), settings: { fsync: 'off' } });
    return {
      url: postgres.url,
      async remove() {
        await postgres.stop();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}
