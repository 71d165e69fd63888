import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../../scripts/local/ports.ts';
import { docker, hasImage, whyNoEngine } from '../docker.js';
import { eventually } from '../eventually.js';
import { type FlagDefinitions, flagsFile } from './flag-definitions.js';
import type { FlagdUnderTest } from './flagd-under-test.js';

/** Why flagd's own container cannot be tested here; `undefined` when it can. */
export function whyNoFlagdContainer(): string | undefined {
  const tag = process.env['FLAGD_TAG'];
  if (tag === undefined) return 'FLAGD_TAG is not set';
  return whyNoEngine() ?? (hasImage(imageOf(tag)) ? undefined : `the container engine has no image ${imageOf(tag)}`);
}

/** flagd itself, in a container that reads a flags file of ours. */
export class FlagdContainer implements FlagdUnderTest {
  private constructor(
    private readonly name: string,
    private readonly folder: string,
    readonly evaluationPort: number,
    readonly syncPort: number,
    private readonly managementPort: number,
  ) {}

  static async start(flags: FlagDefinitions): Promise<FlagdContainer> {
    const folder = await mkdtemp(join(tmpdir(), 'flagd-'));
    // flagd runs as a user of its own.
    await chmod(folder, 0o755);
    const [evaluationPort, syncPort, managementPort] = await Promise.all([freePort(), freePort(), freePort()]);
    const container = new FlagdContainer(
      `flagd-test-${process.pid}-${evaluationPort}`,
      folder,
      evaluationPort,
      syncPort,
      managementPort,
    );
    await container.setFlags(flags);
    await docker([
      ...['create', '--name', container.name, '--volume', `${folder}:/flags:ro`],
      ...['--publish', `127.0.0.1:${evaluationPort}:8013`, '--publish', `127.0.0.1:${syncPort}:8015`],
      ...['--publish', `127.0.0.1:${managementPort}:8014`],
      ...[imageOf(process.env['FLAGD_TAG'] ?? ''), 'start', '--uri', 'file:/flags/flags.json'],
    ]);
    await container.restart();
    return container;
  }

  async setFlags(flags: FlagDefinitions): Promise<void> {
    await writeFile(join(this.folder, 'flags.json'), flagsFile(flags));
  }

  async behave(behaviour: 'hang' | 'answer'): Promise<void> {
    await docker([behaviour === 'hang' ? 'pause' : 'unpause', this.name]);
  }

  async stop(): Promise<void> {
    await docker(['kill', this.name]);
  }

  async restart(flags?: FlagDefinitions): Promise<void> {
    if (flags !== undefined) await this.setFlags(flags);
    await docker(['start', this.name]);
    // The engine's own proxy takes connections before flagd does.
    await eventually('flagd is ready', async () => {
      const answer = await fetch(`http://127.0.0.1:${this.managementPort}/readyz`).catch(() => undefined);
      return answer?.status === 200;
    });
  }

  async remove(): Promise<void> {
    await docker(['rm', '--force', this.name]);
    await rm(this.folder, { recursive: true });
  }
}

function imageOf(tag: string): string {
  return `ghcr.io/open-feature/flagd:${tag}`;
}
