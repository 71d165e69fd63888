import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FlagsService } from '#libs/flags';
import { startTestApp } from './support/app.js';
import { eventually } from './support/eventually.js';
import { booleanFlag, type FlagDefinitions, onWhere } from './support/flagd/flag-definitions.js';
import { FlagdContainer, whyNoFlagdContainer } from './support/flagd/flagd-container.js';
import type { FlagdUnderTest } from './support/flagd/flagd-under-test.js';
import { FlagdServer } from './support/flagd-server.js';
import { flagdChange, type RunningFlags, startFlags } from './support/flags-module.js';

const BOTH_ON: FlagDefinitions = { metrics_enabled: booleanFlag('on'), tracing_enabled: booleanFlag('on') };
const BOTH_OFF: FlagDefinitions = { metrics_enabled: booleanFlag('off'), tracing_enabled: booleanFlag('off') };
/** Traced only on one route; metrics stay on. */
const TRACED_ORDERS: FlagDefinitions = { ...BOTH_ON, tracing_enabled: onWhere('route', '/orders') };

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

/** What holds for flagd whoever plays it. */
function behavesAsFlagd(
  resolver: 'rpc' | 'in-process',
  start: (flags: FlagDefinitions) => Promise<FlagdUnderTest>,
): void {
  let flagd: FlagdUnderTest;

  const fromFlagd = (): Promise<RunningFlags> =>
    started({
      FLAGD_RESOLVER: resolver,
      FLAGD_HOST: '127.0.0.1',
      FLAGD_PORT: String(flagd.evaluationPort),
      FLAGD_SYNC_PORT: String(flagd.syncPort),
    });

  it('gives its flags from the first request', async () => {
    flagd = await start(BOTH_ON);

    const { flags } = await fromFlagd();

    expect(flags.providerState()).toBe('ready');
    expect(flags.evaluate('tracing')).toBe(true);
  });

  it('changes a flag for the next request', async () => {
    flagd = await start(BOTH_ON);
    const { flags } = await fromFlagd();

    const changed = flagdChange(flags, 'tracing');
    await flagd.setFlags(BOTH_OFF);
    await changed;

    expect(flags.evaluate('tracing')).toBe(false);
  });

  it('may be down at start: the defaults hold until it comes up, and its changes are followed from then on', async () => {
    flagd = await start(BOTH_ON);
    await flagd.stop();
    const { flags, log } = await fromFlagd();
    expect(flags.evaluate('tracing')).toBe(false);
    await eventually('the failure is told', () => log.about(`warn flagd (${resolver}, 127.0.0.1`).length === 1);

    const cameUp = flagdChange(flags, 'tracing');
    await flagd.restart();
    await cameUp;
    expect(flags.evaluate('tracing')).toBe(true);

    const changed = flagdChange(flags, 'tracing');
    await flagd.setFlags(BOTH_OFF);
    await changed;
    expect(flags.evaluate('tracing')).toBe(false);
  });

  it('may die: static flags keep their last value, and the flags it comes back with hold', async () => {
    flagd = await start(BOTH_ON);
    const running = await fromFlagd();
    await flagd.stop();
    await eventually('the loss is noticed', () => running.flags.providerState() === 'stale');

    expect(running.flags.evaluate('tracing')).toBe(true);
    expect((await running.flags.effective()).tracing).toEqual({ value: true, source: 'flagd', reason: 'STALE' });

    const cameBack = flagdChange(running.flags, 'tracing');
    await flagd.restart(BOTH_OFF);
    await cameBack;
    expect(running.flags.evaluate('tracing')).toBe(false);
    expect(running.flags.providerState()).toBe('ready');
  });

  it('may hang at start: the start is not held, and the flags come with the answer', async () => {
    flagd = await start(BOTH_ON);
    await flagd.behave('hang');
    const { flags } = await fromFlagd();
    expect(flags.evaluate('tracing')).toBe(false);

    const answered = flagdChange(flags, 'tracing');
    await flagd.behave('answer');
    await answered;

    expect(flags.evaluate('tracing')).toBe(true);
  });

  it('may hang while running: no request fails, and a targeted flag is its default or what the process knows', async () => {
    flagd = await start(TRACED_ORDERS);
    const { flags } = await fromFlagd();
    expect(await flags.evaluate('tracing', { route: '/orders' })).toBe(true);
    await flagd.behave('hang');

    expect(flags.evaluate('metrics')).toBe(true);
    expect(await flags.evaluate('tracing', { route: '/orders' })).toBe(resolver === 'in-process');

    await flagd.behave('answer');
    await eventually('it is asked again', async () => flags.evaluate('tracing', { route: '/orders' }));
  });

  it('is asked about each request where a flag is targeted', async () => {
    flagd = await start(TRACED_ORDERS);
    const { flags } = await fromFlagd();

    expect(await flags.evaluate('tracing', { route: '/orders' })).toBe(true);
    expect(await flags.evaluate('tracing', { route: '/' })).toBe(false);
  });
}

describe.each(['rpc', 'in-process'] as const)('flags from flagd by %s', (resolver) => {
  let server: FlagdServer;

  const startServer = async (flags: FlagDefinitions): Promise<FlagdServer> => {
    server = await FlagdServer.start(flags);
    stops.push(() => server.stop());
    return server;
  };
  const fromServer = (): Promise<RunningFlags> =>
    started({
      FLAGD_RESOLVER: resolver,
      FLAGD_HOST: '127.0.0.1',
      FLAGD_PORT: String(server.evaluationPort),
      FLAGD_SYNC_PORT: String(server.syncPort),
    });

  behavesAsFlagd(resolver, startServer);

  it('asks flagd no more often than the flags change', async () => {
    await startServer(BOTH_ON);
    const { flags } = await fromServer();
    for (let request = 0; request < 1_000; request++) void flags.evaluate('tracing', { route: '/' });

    const changed = flagdChange(flags, 'tracing');
    server.setFlags(BOTH_OFF);
    await changed;
    for (let request = 0; request < 1_000; request++) void flags.evaluate('tracing', { route: '/' });

    expect(server.evaluations('tracing_enabled')).toBe(resolver === 'rpc' ? 2 : 0);
  });

  it('ends its connection with the service', async () => {
    await startServer(BOTH_ON);
    const { stop } = await startFlags({
      FLAGD_RESOLVER: resolver,
      FLAGD_HOST: '127.0.0.1',
      FLAGD_PORT: String(server.evaluationPort),
      FLAGD_SYNC_PORT: String(server.syncPort),
    });
    expect(server.connections).toBe(1);

    await stop();

    await eventually('the stream is closed', () => server.connections === 0);
  });
});

describe('keys of the environment that the library of flagd reads by itself', () => {
  const odd = {
    FLAGD_RESOLVER: 'in-process',
    FLAGD_PORT: '1',
    FLAGD_HOST: 'nowhere.invalid',
    FLAGD_CACHE: 'lru',
    FLAGD_OFFLINE_FLAG_SOURCE_PATH: '/nowhere.json',
    FLAGD_DEADLINE_MS: '1',
  };

  it('do not count against the configuration of the service', async () => {
    const server = await FlagdServer.start(BOTH_ON);
    stops.push(() => server.stop());
    Object.assign(process.env, odd);
    stops.push(() => {
      for (const key of Object.keys(odd)) delete process.env[key];
    });

    const { flags } = await started({
      FLAGD_RESOLVER: 'rpc',
      FLAGD_HOST: '127.0.0.1',
      FLAGD_PORT: String(server.evaluationPort),
    });

    expect(flags.providerState()).toBe('ready');
    expect(server.evaluations('tracing_enabled')).toBe(1);
  });
});

describe('flagd that lies', () => {
  let server: FlagdServer;

  const fromServer = (resolver: string): Promise<RunningFlags> =>
    started({
      FLAGD_RESOLVER: resolver,
      FLAGD_HOST: '127.0.0.1',
      FLAGD_PORT: String(server.evaluationPort),
      FLAGD_SYNC_PORT: String(server.syncPort),
    });

  beforeEach(async () => {
    server = await FlagdServer.start(BOTH_ON);
    stops.push(() => server.stop());
  });

  it.each(['no value', 'garbage', 'internal error'] as const)('with %s changes no flag, and is told', async (lie) => {
    const { flags, log } = await fromServer('rpc');
    server.behave(lie);
    server.setFlags(BOTH_OFF);
    await eventually('the failure is told', () => log.about('warn tracing_enabled cannot be evaluated').length === 1);
    expect(flags.evaluate('tracing')).toBe(true);

    const truth = flagdChange(flags, 'tracing');
    server.behave('answer');
    await truth;

    expect(flags.evaluate('tracing')).toBe(false);
  });

  it('with a configuration that is no JSON keeps the last good flags', async () => {
    const { flags } = await fromServer('in-process');
    server.pushGarbage();

    const truth = flagdChange(flags, 'tracing');
    server.setFlags(BOTH_OFF);
    expect(flags.evaluate('tracing')).toBe(true);
    await truth;

    expect(flags.evaluate('tracing')).toBe(false);
  });

  it('with a configuration that is no JSON at start leaves the defaults until it has a good one', async () => {
    server.behave('garbage');
    const { flags } = await fromServer('in-process');
    expect(flags.evaluate('tracing')).toBe(false);

    const truth = flagdChange(flags, 'tracing');
    server.behave('answer');
    server.setFlags({ ...BOTH_ON, another: booleanFlag('on') });
    await truth;

    expect(flags.evaluate('tracing')).toBe(true);
  });
});

describe('the service', () => {
  it('opens and closes /metrics as flagd says, request by request, and tells the source', async () => {
    const server = await FlagdServer.start(BOTH_OFF);
    stops.push(() => server.stop());
    const service = await startTestApp({
      ENABLE_METRICS: 'true',
      ADMIN_FLAGS_ENABLED: 'true',
      FLAGD_HOST: '127.0.0.1',
      FLAGD_PORT: String(server.evaluationPort),
    });
    stops.push(() => service.close());
    const metrics = async (): Promise<number> => (await fetch(`${service.url}/metrics`)).status;
    expect(await metrics()).toBe(404);

    const on = flagdChange(service.app.get(FlagsService), 'metrics');
    server.setFlags(BOTH_ON);
    await on;

    expect(await metrics()).toBe(200);
    expect(await (await fetch(`${service.url}/admin/flags`)).json()).toMatchObject({
      defaults: { metrics: true, tracing: false },
      overrides: {},
      effective: { metrics: { value: true, source: 'flagd', reason: 'STATIC' } },
    });
    expect(await (await fetch(`${service.url}/metrics`)).text()).toContain(
      'feature_flag_provider_state{state="ready"} 1',
    );
  });

  it('answers every request while flagd hangs over a targeted flag, and while it is gone', async () => {
    const server = await FlagdServer.start(TRACED_ORDERS);
    stops.push(() => server.stop());
    const service = await startTestApp({ FLAGD_HOST: '127.0.0.1', FLAGD_PORT: String(server.evaluationPort) });
    stops.push(() => service.close());
    const hundredRequests = async (): Promise<Set<number>> =>
      new Set(await Promise.all(Array.from({ length: 100 }, async () => (await fetch(service.url)).status)));

    server.behave('hang');
    const whileItHangs = await hundredRequests();
    server.stop();
    const whileItIsGone = await hundredRequests();

    expect(whileItHangs).toEqual(new Set([200]));
    expect(whileItIsGone).toEqual(new Set([200]));
  });
});

const reason = whyNoFlagdContainer();
const describeContainer = reason === undefined ? describe : describe.skip;

describeContainer.each(['rpc', 'in-process'] as const)(
  `flags from flagd's own container${reason === undefined ? '' : ` (skipped: ${reason})`} by %s`,
  (resolver) => {
    behavesAsFlagd(resolver, async (flags) => {
      const container = await FlagdContainer.start(flags);
      stops.push(() => container.remove());
      return container;
    });
  },
);
