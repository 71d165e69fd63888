import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { ClosableFlagdProvider } from './closable-flagd.provider.js';

const nothing = (): void => undefined;

/** A port on which nobody listens. */
function deadPort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

const fileWatchers = (): number =>
  process.getActiveResourcesInfo().filter((name) => name.includes('StatWatcher')).length;

describe('ClosableFlagdProvider', () => {
  it.each(['rpc', 'in-process'] as const)(
    'closed while its %s connection is down, never tries again',
    async (resolverType) => {
      const lines: string[] = [];
      const log = (line: unknown): number => lines.push(String(line));
      const options = { resolverType, host: '127.0.0.1', port: await deadPort(), deadlineMs: 20 };
      const provider = new ClosableFlagdProvider(options, { debug: log, info: log, warn: log, error: log });
      await expect(provider.initialize()).rejects.toThrow('Failed to connect');

      await provider.onClose();
      // What the close interrupts ends in the same turn; the library itself would go on every 20 ms.
      await sleep(40);
      lines.length = 0;
      await sleep(100);

      expect(lines).toEqual([]);
    },
  );

  it('closed while it reads its file, does not watch it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flags-'));
    const file = join(folder, 'flags.json');
    await writeFile(file, '{ "flags": {} }');
    const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
    const provider = new ClosableFlagdProvider({ resolverType: 'in-process', offlineFlagSourcePath: file }, log);
    const watchersBefore = fileWatchers();

    const reading = provider.initialize();
    await provider.onClose();
    await reading;
    await sleep(0);

    expect(fileWatchers()).toBe(watchersBefore);
    await rm(folder, { recursive: true });
  });

  it('initialises once, however often it is asked to', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flags-'));
    const file = join(folder, 'flags.json');
    await writeFile(file, '{ "flags": {} }');
    const provider = new ClosableFlagdProvider({ resolverType: 'in-process', offlineFlagSourcePath: file });

    const first = provider.initialize();

    expect(provider.initialize()).toBe(first);
    await first;
    expect(provider.initialised).toBe(true);
    await provider.onClose();
    await rm(folder, { recursive: true });
  });
});
