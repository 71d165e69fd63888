import { watchFile } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from './support/eventually.js';
import { booleanFlag, type FlagDefinitions, flagsFile, onWhere } from './support/flagd/flag-definitions.js';
import { flagdChange, type RunningFlags, startFlags } from './support/flags-module.js';

const BOTH_ON: FlagDefinitions = { metrics_enabled: booleanFlag('on'), tracing_enabled: booleanFlag('on') };
const BOTH_OFF: FlagDefinitions = { metrics_enabled: booleanFlag('off'), tracing_enabled: booleanFlag('off') };

const stops: (() => void | Promise<void>)[] = [];

/** Ends whatever the test started, last things first. */
afterEach(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop();
});

async function started(environment: NodeJS.ProcessEnv): Promise<RunningFlags> {
  const running = await startFlags(environment);
  stops.push(running.stop);
  return running;
}

describe('flags from a file', () => {
  const reloadMs = 50;
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'flags-'));
    file = join(folder, 'flags.json');
    stops.push(() => rm(folder, { recursive: true }));
    // Watchers of one file share the pace of the first, so this spares the library's five seconds at each reload.
    watchFile(file, { interval: reloadMs, persistent: false }, () => undefined);
  });

  const fromFile = (): Promise<RunningFlags> =>
    started({ FLAGD_RESOLVER: 'file', FLAGD_OFFLINE_FLAG_SOURCE_PATH: file });

  it('hold from the first request', async () => {
    await writeFile(file, flagsFile(BOTH_ON));

    const { flags } = await fromFile();

    expect(flags.evaluate('tracing')).toBe(true);
    expect(flags.providerState()).toBe('ready');
    expect(await flags.effective()).toEqual({
      metrics: { value: true, source: 'flagd', reason: 'STATIC' },
      tracing: { value: true, source: 'flagd', reason: 'STATIC' },
    });
  });

  it('change when the file is edited, when another is renamed over it, and when a flag goes', async () => {
    await writeFile(file, flagsFile(BOTH_ON));
    const { flags } = await fromFile();

    const edited = flagdChange(flags, 'tracing');
    await writeFile(file, flagsFile(BOTH_OFF));
    await edited;
    expect(flags.evaluate('tracing')).toBe(false);

    const renamed = flagdChange(flags, 'tracing');
    await writeFile(`${file}.new`, flagsFile(BOTH_ON));
    await rename(`${file}.new`, file);
    await renamed;
    expect(flags.evaluate('tracing')).toBe(true);

    const removed = flagdChange(flags, 'tracing');
    await writeFile(file, flagsFile({ metrics_enabled: booleanFlag('on') }));
    await removed;
    expect(flags.evaluate('tracing')).toBe(false);
    expect((await flags.effective()).tracing).toEqual({ value: false, source: 'default', reason: 'FLAG_NOT_FOUND' });
  });

  it('stay as they were when the file is broken or deleted, which is told once, and change when it is mended', async () => {
    await writeFile(file, flagsFile(BOTH_ON));
    const { flags, log } = await fromFile();

    await writeFile(file, '{ "flags": ');
    await eventually('the broken file is told', () => log.about(file).some((line) => line.startsWith('warn')));
    expect(flags.evaluate('tracing')).toBe(true);
    expect(log.about(`warn flags file ${file} was changed and cannot be used; the last good flags hold`)).toHaveLength(
      1,
    );

    await rm(file);
    await eventually('the deleted file is told', () => log.about('ENOENT').length === 1);
    expect(flags.evaluate('tracing')).toBe(true);

    const mended = flagdChange(flags, 'tracing');
    await writeFile(file, flagsFile(BOTH_OFF));
    await mended;
    expect(flags.evaluate('tracing')).toBe(false);
  });

  it.each([
    ['is missing', undefined, 'File not found'],
    ['is no JSON', '{ "flags": ', 'Unexpected end of JSON input'],
    ['has a flag without a state', '{ "flags": { "tracing_enabled": { "variants": {} } } }', 'Invalid flag state'],
  ])(
    'are the defaults while the file %s at start, and come as soon as it is good',
    async (_circumstance, text, reason) => {
      if (text !== undefined) await writeFile(file, text);

      const { flags, log } = await fromFile();

      expect(flags.evaluate('tracing')).toBe(false);
      expect(flags.providerState()).toBe('error');
      expect(log.about(`warn flags file ${file} cannot be used`)).toEqual([expect.stringContaining(reason)]);

      const appeared = flagdChange(flags, 'tracing');
      await writeFile(file, flagsFile(BOTH_ON));
      await appeared;
      expect(flags.evaluate('tracing')).toBe(true);
      expect(flags.providerState()).toBe('ready');
      expect(log.about(`info flags file ${file} is ready`)).toHaveLength(1);
    },
  );

  it('follow rules about the route, the method and the request', async () => {
    const fraction = { fractional: [{ var: 'targetingKey' }, ['on', 50], ['off', 50]] };
    await writeFile(
      file,
      flagsFile({ metrics_enabled: booleanFlag('off', fraction), tracing_enabled: onWhere('route', '/orders') }),
    );
    const { flags } = await fromFile();

    expect(await flags.evaluate('tracing', { route: '/orders' })).toBe(true);
    expect(await flags.evaluate('tracing', { route: '/' })).toBe(false);
    const ids = Array.from({ length: 200 }, (_, index) => `request-${index}`);
    const values = await Promise.all(ids.map(async (targetingKey) => flags.evaluate('metrics', { targetingKey })));
    expect(values.filter(Boolean).length).toBeGreaterThan(50);
    expect(values.filter(Boolean).length).toBeLessThan(150);
  });

  it('are the default where a flag has another type, which is told', async () => {
    const text = { state: 'ENABLED', variants: { on: 'yes' }, defaultVariant: 'on' } as const;
    await writeFile(file, flagsFile({ ...BOTH_ON, tracing_enabled: text }));

    const { flags, log } = await fromFile();

    expect(flags.evaluate('metrics')).toBe(true);
    expect(flags.evaluate('tracing')).toBe(false);
    expect((await flags.effective()).tracing).toEqual({ value: false, source: 'default', reason: 'TYPE_MISMATCH' });
    expect(log.about('warn tracing_enabled cannot be evaluated (TYPE_MISMATCH); its default false holds')).toHaveLength(
      1,
    );
  });

  it('of this repository turn metrics on and tracing off', async () => {
    const repositoryFile = join(import.meta.dirname, '../deploy/flags/flags.flagd.json');

    const { flags } = await started({ FLAGD_RESOLVER: 'file', FLAGD_OFFLINE_FLAG_SOURCE_PATH: repositoryFile });

    expect(flags.evaluate('metrics')).toBe(true);
    expect(flags.evaluate('tracing')).toBe(false);
    expect((await flags.effective()).tracing.source).toBe('flagd');
  });
});
