import { EventEmitter, once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { ProviderEvents } from '@openfeature/server-sdk';
import fc from 'fast-check';
import { eventually } from '../../../test/support/eventually.js';
import {
  type Answer,
  FakeFlagProvider,
  isDisabled,
  isStatic,
  isTargeted,
  isUnknown,
  neverAnswers,
} from '../../../test/support/fake-flag-provider.js';
import { type RunningFlags, startFlags } from '../../../test/support/flags-module.js';
import type { FlagChange } from './flags.service.js';

const METRICS_ON = { ENABLE_METRICS: 'true', ENABLE_TRACING: 'false', FLAGD_HOST: 'unused', FLAGD_DEADLINE_MS: '20' };

/** Runs a test against flags of its own. */
async function withFlags(
  provider: FakeFlagProvider,
  test: (running: RunningFlags) => Promise<void>,
  options?: { local: boolean },
): Promise<void> {
  const running = await startFlags(METRICS_ON, () => provider, options);
  try {
    await test(running);
  } finally {
    await running.stop();
  }
}

const withAnswer = (metrics: Answer, tracing: Answer = isStatic(false)): FakeFlagProvider =>
  new FakeFlagProvider({ metrics_enabled: metrics, tracing_enabled: tracing });

const nextChange = ({ flags }: RunningFlags): Promise<FlagChange> =>
  new Promise((resolve) => {
    const end = flags.onChange((change) => {
      end();
      resolve(change);
    });
  });

/** Lets everything that waits for no timer happen. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('FlagsService', () => {
  describe('without flagd', () => {
    it('gives the defaults of the environment, and asks nobody', async () => {
      const { flags, stop } = await startFlags({ ENABLE_METRICS: 'true' });

      expect(flags.evaluate('metrics')).toBe(true);
      expect(flags.evaluate('tracing')).toBe(false);
      expect(flags.providerState()).toBe('not_configured');
      expect(await flags.effective()).toEqual({
        metrics: { value: true, source: 'default', reason: 'DEFAULT' },
        tracing: { value: false, source: 'default', reason: 'DEFAULT' },
      });
      await stop();
    });
  });

  describe('overrides', () => {
    it('beat flagd and the default, are set together, and leave the flags alone that are not named', async () => {
      await withFlags(withAnswer(isStatic(true)), async ({ flags }) => {
        expect(flags.setOverrides({ metrics: false })).toEqual({ metrics: false });
        expect(flags.setOverrides({ tracing: true })).toEqual({ metrics: false, tracing: true });

        expect(flags.evaluate('metrics')).toBe(false);
        expect(flags.evaluate('tracing')).toBe(true);
        expect(flags.snapshot()).toEqual({ metrics: false, tracing: true });
        expect(await flags.effective()).toEqual({
          metrics: { value: false, source: 'override', reason: 'OVERRIDE' },
          tracing: { value: true, source: 'override', reason: 'OVERRIDE' },
        });
      });
    });

    it('end with a reset, after which flagd counts again', async () => {
      await withFlags(withAnswer(isStatic(true)), async ({ flags }) => {
        flags.setOverrides({ metrics: false });

        expect(flags.resetOverrides()).toEqual({});
        expect(flags.overrides()).toEqual({});
        expect(flags.evaluate('metrics')).toBe(true);
      });
    });

    it('are told to listeners once for each flag that changed', async () => {
      await withFlags(withAnswer(isStatic(true)), async ({ flags }) => {
        const changes: FlagChange[] = [];
        flags.onChange((change) => changes.push(change));

        flags.setOverrides({ metrics: false });
        flags.setOverrides({ metrics: false, tracing: true });
        flags.resetOverrides();
        flags.resetOverrides();

        expect(changes).toEqual([
          { flag: 'metrics', action: 'override' },
          { flag: 'tracing', action: 'override' },
          { flag: 'metrics', action: 'reset' },
          { flag: 'tracing', action: 'reset' },
        ]);
      });
    });

    it('hold what was last set of each flag, whatever the order of calls', async () => {
      const change = fc.record({ metrics: fc.boolean(), tracing: fc.boolean() }, { requiredKeys: [] });
      const { flags, stop } = await startFlags({});

      fc.assert(
        fc.property(fc.array(fc.option(change, { nil: 'reset' as const })), (steps) => {
          let expected: object = flags.resetOverrides();
          for (const step of steps) {
            expected = step === 'reset' ? {} : { ...expected, ...step };
            expect(step === 'reset' ? flags.resetOverrides() : flags.setOverrides(step)).toEqual(expected);
          }
        }),
      );
      await stop();
    });

    it('cannot be changed through what a reader was given', async () => {
      const { flags, stop } = await startFlags({});

      const given = flags.setOverrides({ metrics: true });

      expect(() => Object.assign(given, { metrics: false })).toThrow(TypeError);
      await stop();
    });
  });

  describe('with a flag that is not targeted', () => {
    it.each([
      ['STATIC', isStatic(false), false, 'flagd'],
      ['DISABLED', isDisabled, true, 'default'],
      ['FLAG_NOT_FOUND', isUnknown, true, 'default'],
    ] as const)(
      'asks once for a result with the reason %s, and answers without a promise',
      async (reason, answer, value, source) => {
        const provider = withAnswer(answer);
        await withFlags(provider, async ({ flags }) => {
          for (let request = 0; request < 1_000; request++)
            expect(flags.evaluate('metrics', { route: '/' })).toBe(value);

          expect(provider.evaluations.filter((key) => key === 'metrics_enabled')).toHaveLength(1);
          expect((await flags.effective()).metrics).toEqual({ value, source, reason });
        });
      },
    );

    it('takes up a change, and tells it', async () => {
      const provider = withAnswer(isStatic(true));
      await withFlags(provider, async (running) => {
        const change = nextChange(running);

        provider.change({ metrics_enabled: isStatic(false) });

        expect(await change).toEqual({ flag: 'metrics', action: 'flagd' });
        expect(running.flags.evaluate('metrics')).toBe(false);
        expect(running.log.about('metrics_enabled changed by flagd: true → false (STATIC)')).toHaveLength(1);
      });
    });

    it('keeps the last known value while the new one is asked for, and while no answer comes', async () => {
      const provider = withAnswer(isStatic(false));
      await withFlags(provider, async ({ flags, log }) => {
        provider.change({ metrics_enabled: neverAnswers });

        expect(flags.evaluate('metrics')).toBe(false);
        await eventually('the failure is told', () => log.about('cannot be evaluated (TIMEOUT)').length === 1);
        expect(flags.evaluate('metrics')).toBe(false);
      });
    });

    it.each<[string, Answer]>([
      ['answers with another type', { value: 'yes' as never, reason: 'STATIC' }],
      ['answers with nothing', () => undefined],
      ['answers with a list', () => []],
      ['reports a wrong type', { value: true, reason: 'ERROR', errorCode: 'TYPE_MISMATCH' as never }],
      ['throws', () => Promise.reject(new Error('out of order'))],
      ['throws something strange', () => Promise.reject(undefined)],
    ])('keeps the last known value when the provider %s, and takes up the next good answer', async (_lie, answer) => {
      const provider = withAnswer(isStatic(false));
      await withFlags(provider, async (running) => {
        provider.change({ metrics_enabled: answer });
        await settled();

        expect(running.flags.evaluate('metrics')).toBe(false);
        expect(running.log.about('metrics_enabled cannot be evaluated')).toHaveLength(1);

        const change = nextChange(running);
        provider.flags = { ...provider.flags, metrics_enabled: isStatic(true) };

        expect(await change).toEqual({ flag: 'metrics', action: 'flagd' });
        expect(running.flags.evaluate('metrics')).toBe(true);
      });
    });

    it('gives the default when there never was a good answer', async () => {
      await withFlags(withAnswer({ value: 7 as never, reason: 'STATIC' }), async ({ flags }) => {
        expect(flags.evaluate('metrics')).toBe(true);
        expect((await flags.effective()).metrics).toEqual({ value: true, source: 'default', reason: 'TYPE_MISMATCH' });
      });
    });

    it('takes the newer of two answers when the older one comes last', async () => {
      const provider = withAnswer(isStatic(true));
      await withFlags(provider, async ({ flags }) => {
        const bell = new EventEmitter();
        const late = once(bell, 'ring').then(() => ({ value: false, reason: 'STATIC' }));
        provider.change({ tracing_enabled: () => late });
        await settled();
        provider.change({ tracing_enabled: isStatic(true) });
        await settled();

        bell.emit('ring');
        await settled();

        expect(flags.evaluate('tracing')).toBe(true);
      });
    });

    it('asks twice before it believes that a known flag is gone', async () => {
      const provider = withAnswer(isStatic(false));
      await withFlags(provider, async (running) => {
        const change = nextChange(running);
        provider.evaluations.length = 0;

        provider.change({ metrics_enabled: isUnknown });
        await settled();

        expect(running.flags.evaluate('metrics')).toBe(false);
        await change;
        expect(running.flags.evaluate('metrics')).toBe(true);
        expect(provider.evaluations.filter((key) => key === 'metrics_enabled')).toHaveLength(2);
      });
    });
  });

  describe('when the connection is lost', () => {
    it('asks again on READY after STALE, because nobody says what changed meanwhile', async () => {
      const provider = withAnswer(isStatic(true));
      await withFlags(provider, async (running) => {
        const { flags } = running;
        provider.events.emit(ProviderEvents.Stale, {});
        provider.flags = { ...provider.flags, metrics_enabled: isStatic(false) };

        expect(flags.providerState()).toBe('stale');
        expect(flags.evaluate('metrics')).toBe(true);
        expect((await flags.effective()).metrics.reason).toBe('STALE');

        const change = nextChange(running);
        provider.events.emit(ProviderEvents.Ready, {});
        await change;

        expect(flags.providerState()).toBe('ready');
        expect(flags.evaluate('metrics')).toBe(false);
      });
    });

    it('takes no absent flag for removed, because that is how a lost connection looks', async () => {
      const provider = withAnswer(isStatic(false));
      await withFlags(provider, async ({ flags }) => {
        provider.change({ metrics_enabled: isUnknown });
        provider.events.emit(ProviderEvents.Stale, {});
        await settled();

        expect(flags.evaluate('metrics')).toBe(false);
        expect((await flags.effective()).metrics).toEqual({ value: false, source: 'flagd', reason: 'STALE' });
      });
    });

    it('gives a targeted flag its default at once, and asks nobody', async () => {
      const provider = withAnswer(isTargeted(() => false));
      await withFlags(provider, async ({ flags }) => {
        expect(await flags.evaluate('metrics', { route: '/' })).toBe(false);
        provider.events.emit(ProviderEvents.Stale, {});
        provider.evaluations.length = 0;

        expect(flags.evaluate('metrics', { route: '/' })).toBe(true);
        expect(provider.evaluations).toEqual([]);
        expect((await flags.effective()).metrics).toEqual({
          value: true,
          source: 'default',
          reason: 'PROVIDER_NOT_READY',
        });
        expect(flags.snapshot().metrics).toBe(true);
      });
    });

    it('goes on evaluating a targeted flag whose rules are in this process', async () => {
      const provider = withAnswer(isTargeted(() => false));
      await withFlags(
        provider,
        async ({ flags }) => {
          provider.events.emit(ProviderEvents.Stale, {});

          expect(await flags.evaluate('metrics', { route: '/' })).toBe(false);
          expect(flags.snapshot().metrics).toBe(false);
        },
        { local: true },
      );
    });
  });

  describe('with a targeted flag', () => {
    it('asks for each request, with its context', async () => {
      const provider = withAnswer(isTargeted(({ route }) => route === '/orders/:id'));
      await withFlags(provider, async ({ flags }) => {
        expect(await flags.evaluate('metrics', { route: '/orders/:id' })).toBe(true);
        expect(await flags.evaluate('metrics', { route: '/' })).toBe(false);
        expect((await flags.effective({ route: '/' })).metrics).toEqual({
          value: false,
          source: 'flagd',
          reason: 'TARGETING_MATCH',
        });
      });
    });

    it('waits for the provider no longer than the deadline, then gives the default', async () => {
      const provider = withAnswer(isTargeted(() => false));
      await withFlags(provider, async ({ flags }) => {
        provider.flags = { ...provider.flags, metrics_enabled: neverAnswers };

        expect(await flags.evaluate('metrics')).toBe(true);
        expect((await flags.effective()).metrics).toEqual({ value: true, source: 'default', reason: 'TIMEOUT' });
        expect(flags.snapshot().metrics).toBe(true);
      });
    });

    it('asks for every request of a burst', async () => {
      const provider = withAnswer(isTargeted(() => false));
      await withFlags(provider, async ({ flags }) => {
        const burst = Array.from({ length: 1_000 }, () => Promise.resolve(flags.evaluate('metrics')));

        expect(new Set(await Promise.all(burst))).toEqual(new Set([false]));
      });
    });

    it('lets requests pass at once while the provider hangs, and asks again when it answers', async () => {
      const provider = withAnswer(isTargeted(() => false));
      await withFlags(provider, async ({ flags }) => {
        const bell = new EventEmitter().setMaxListeners(0);
        const late = once(bell, 'ring').then(() => ({ value: false, reason: 'TARGETING_MATCH' }));
        provider.flags = { ...provider.flags, metrics_enabled: () => late };
        const waiting = Array.from({ length: 100 }, () => Promise.resolve(flags.evaluate('metrics')));
        await Promise.all(waiting);
        const asked = provider.evaluations.length;

        expect(flags.evaluate('metrics')).toBe(true);
        expect((await flags.effective()).metrics).toEqual({ value: true, source: 'default', reason: 'TIMEOUT' });
        expect(flags.snapshot().metrics).toBe(true);
        expect(provider.evaluations).toHaveLength(asked);

        bell.emit('ring');
        await settled();
        expect(await flags.evaluate('metrics')).toBe(false);
        expect(flags.snapshot().metrics).toBe(false);
      });
    });

    it('gives the default for a request whose evaluation fails, and goes on asking', async () => {
      const provider = withAnswer(
        isTargeted(({ route }) => {
          if (route === '/bad') throw new Error('no such variant');
          return false;
        }),
      );
      await withFlags(provider, async ({ flags }) => {
        expect(await flags.evaluate('metrics', { route: '/bad' })).toBe(true);
        expect(await flags.evaluate('metrics', { route: '/' })).toBe(false);
      });
    });

    it('answers without a promise again once the rules are gone', async () => {
      const provider = withAnswer(isTargeted(() => false));
      await withFlags(provider, async (running) => {
        const change = nextChange(running);
        provider.change({ metrics_enabled: isStatic(true) });
        await change;

        expect(running.flags.evaluate('metrics')).toBe(true);
      });
    });
  });
});
