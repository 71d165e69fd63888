import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, jest } from '@jest/globals';
import { getOpenFeatureClientToken } from '@openfeature/nestjs-sdk';
import type { Client } from '@openfeature/server-sdk';
import { OpenFeature, ProviderEvents, ProviderFatalError } from '@openfeature/server-sdk';
import { eventually } from '../../../test/support/eventually.js';
import { FakeFlagProvider, isStatic } from '../../../test/support/fake-flag-provider.js';
import { startFlags } from '../../../test/support/flags-module.js';
import { ProviderConnection } from './provider-connection.service.js';

const WITH_FLAGD = { FLAGD_HOST: 'unused' };
const tracing = (value: boolean): Record<string, ReturnType<typeof isStatic>> => ({ tracing_enabled: isStatic(value) });
const never = (): Promise<void> => new Promise(() => undefined);
const refuses = (failure: Error) => async (): Promise<void> => {
  throw failure;
};

describe('ProviderConnection', () => {
  it('tries again with a new provider after one that cannot start, and closes the old one', async () => {
    const broken = new FakeFlagProvider({}, refuses(new Error('connection refused')));
    const good = new FakeFlagProvider(tracing(true));
    const { flags, log, stop } = await startFlags(WITH_FLAGD, (attempt) => (attempt === 1 ? broken : good));

    expect(broken.closed).toBe(1);
    expect(log.lines).toContain(
      'warn the fake cannot be used (connection refused); the defaults of the environment hold, tried again at least every 5 s',
    );
    await eventually('the second provider is taken', () => flags.evaluate('tracing') === true);
    expect(flags.providerState()).toBe('ready');
    expect(log.about('info the fake is ready')).toHaveLength(1);
    await stop();
  });

  it('tries again after a provider that could not even be made', async () => {
    const { flags, log, stop } = await startFlags(WITH_FLAGD, (attempt) => {
      if (attempt === 1) throw new Error('no such certificate');
      return new FakeFlagProvider(tracing(true));
    });

    expect(log.about('cannot be used (no such certificate)')).toHaveLength(1);
    await eventually('the second provider is taken', () => flags.evaluate('tracing') === true);
    await stop();
  });

  it('tells one failure once, and another one again', async () => {
    const reasons = ['refused', 'refused', 'no such file'];
    const { log, stop } = await startFlags(
      WITH_FLAGD,
      (attempt) => new FakeFlagProvider({}, refuses(new Error(reasons[attempt - 1] ?? 'no such file'))),
    );

    await eventually('the other reason is told', () => log.about('no such file').length > 0);

    expect(log.about('(refused)')).toHaveLength(1);
    await stop();
  });

  it('does not hold the start for a provider that never gets ready', async () => {
    const { flags, stop } = await startFlags(
      { ...WITH_FLAGD, ENABLE_METRICS: 'true' },
      () => new FakeFlagProvider({}, never),
    );

    expect(flags.providerState()).toBe('not_ready');
    expect(flags.evaluate('metrics')).toBe(true);
    expect((await flags.effective()).metrics.reason).toBe('PROVIDER_NOT_READY');
    await stop();
  });

  it('asks no more after a fatal refusal', async () => {
    const create = jest.fn(() => new FakeFlagProvider({}, refuses(new ProviderFatalError('wrong credentials'))));
    const { flags, log, stop } = await startFlags(WITH_FLAGD, create);

    expect(flags.providerState()).toBe('fatal');
    expect(log.about('error the fake refused for good (wrong credentials)')).toHaveLength(1);
    expect(create).toHaveBeenCalledTimes(1);
    await stop();
  });

  it('says nothing of a short break: streams are renewed every ten minutes', async () => {
    const provider = new FakeFlagProvider(tracing(true));
    const { log, stop } = await startFlags(WITH_FLAGD, () => provider);
    log.lines.length = 0;

    provider.events.emit(ProviderEvents.Stale, {});
    provider.events.emit(ProviderEvents.Ready, {});

    expect(log.lines).toEqual([]);
    await stop();
  });

  it('replaces a provider that reports an error, as soon as another one works', async () => {
    const lost = new FakeFlagProvider(tracing(true));
    const next = new FakeFlagProvider(tracing(false));
    const providers = [lost, next];
    const { flags, log, stop } = await startFlags(WITH_FLAGD, () => providers.shift() ?? next);

    lost.events.emit(ProviderEvents.Stale, {});
    lost.events.emit(ProviderEvents.Error, { message: 'gone for 10 s' });

    expect(flags.evaluate('tracing')).toBe(true);
    expect(
      log.about(
        'warn the fake cannot be reached (gone for 10 s); static flags keep their last known value, targeted ones get their default',
      ),
    ).toHaveLength(1);
    await eventually('the other provider is asked', () => flags.evaluate('tracing') === false);
    expect(flags.providerState()).toBe('ready');
    expect(lost.closed).toBe(1);
    await stop();
  });

  it('tells of a lost source whose flags are in this process that they all hold', async () => {
    const lost = new FakeFlagProvider(tracing(true));
    const providers = [lost, new FakeFlagProvider({}, never)];
    const { log, stop } = await startFlags(WITH_FLAGD, () => providers.shift() ?? lost, { local: true });

    lost.events.emit(ProviderEvents.Error, { message: 'gone for 10 s' });

    expect(
      log.about('warn the fake cannot be reached (gone for 10 s); the flags it gave last hold, targeting included'),
    ).toHaveLength(1);
    await stop();
  });

  it('keeps a provider that recovers before its replacement works, and closes that', async () => {
    const lost = new FakeFlagProvider(tracing(true));
    const slow = new FakeFlagProvider(tracing(false), never);
    const providers = [lost, slow];
    const { flags, stop } = await startFlags(WITH_FLAGD, () => providers.shift() ?? slow);

    lost.events.emit(ProviderEvents.Error, {});
    expect(flags.providerState()).toBe('error');
    lost.events.emit(ProviderEvents.Ready, {});
    await eventually('the replacement is closed', () => slow.closed === 1);

    expect(flags.providerState()).toBe('ready');
    expect(flags.evaluate('tracing')).toBe(true);
    expect(lost.closed).toBe(0);
    await stop();
  });

  it('ends with the application, even when the provider hangs as it closes', async () => {
    const provider = new FakeFlagProvider(tracing(true));
    provider.onClose = never;
    const { stop } = await startFlags(WITH_FLAGD, () => provider);

    await expect(stop()).resolves.toBeUndefined();
  });

  it('ends with the application, even when the provider cannot close', async () => {
    const provider = new FakeFlagProvider(tracing(true));
    provider.onClose = () => {
      throw new Error('out of order');
    };
    const { stop } = await startFlags(WITH_FLAGD, () => provider);

    await expect(stop()).resolves.toBeUndefined();
  });

  it('tries nothing more after the application has ended', async () => {
    const create = jest.fn(() => new FakeFlagProvider({}, refuses(new Error('refused'))));
    const { stop } = await startFlags(WITH_FLAGD, create);
    const attempts = create.mock.calls.length;

    await stop();
    // Nothing announces what does not happen: this is longer than the pause before the next attempt.
    await sleep(1_200);

    expect(create).toHaveBeenCalledTimes(attempts);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    'closes a provider that gets ready %i microtasks before the application ends, and leaves none behind',
    async (microtasks) => {
      let getReady = (): void => undefined;
      const ready = new Promise<void>((resolve) => {
        getReady = resolve;
      });
      const provider = new FakeFlagProvider(tracing(true), () => ready);
      const connection = new ProviderConnection({ description: 'the fake', local: false, create: () => provider });
      const started = connection.start(() => undefined);

      getReady();
      for (let turn = 0; turn < microtasks; turn++) await Promise.resolve();
      connection.stop();
      await started;

      expect(provider.closed).toBe(1);
      expect(OpenFeature.providerMetadata.name).toBe('No-op Provider');
    },
  );

  it('makes no provider once the application has ended', async () => {
    const create = jest.fn(() => new FakeFlagProvider());
    const connection = new ProviderConnection({ description: 'the fake', local: false, create });

    connection.stop();
    await connection.start(() => undefined);

    expect(create).not.toHaveBeenCalled();
  });

  it('touches nothing outside of it before it is started', async () => {
    const made = new ProviderConnection({
      description: 'the fake',
      local: false,
      create: () => new FakeFlagProvider(),
    });

    const { module, stop } = await startFlags(WITH_FLAGD, () => new FakeFlagProvider({ of_a_handler: isStatic(true) }));

    expect(made.state).toBe('not_ready');
    expect(await module.get<Client>(getOpenFeatureClientToken()).getBooleanValue('of_a_handler', false)).toBe(true);
    await stop();
  });

  it('serves the clients that handlers inject', async () => {
    const { module, stop } = await startFlags(WITH_FLAGD, () => new FakeFlagProvider({ of_a_handler: isStatic(true) }));

    const client = module.get<Client>(getOpenFeatureClientToken());

    expect(await client.getBooleanValue('of_a_handler', false)).toBe(true);
    await stop();
  });

  it('leaves a second application of the same process alone', async () => {
    const first = await startFlags(WITH_FLAGD, () => new FakeFlagProvider(tracing(true)));
    const provider = new FakeFlagProvider(tracing(true));
    const second = await startFlags(WITH_FLAGD, () => provider);

    await first.stop();
    provider.change(tracing(false));
    await eventually('the second one follows its own provider', () => second.flags.evaluate('tracing') === false);

    expect(provider.closed).toBe(0);
    await second.stop();
    expect(provider.closed).toBe(1);
    expect(OpenFeature.providerMetadata.name).toBe('No-op Provider');
  });
});
