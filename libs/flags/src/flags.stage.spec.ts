import { describe, expect, it } from '@jest/globals';
import type { EvaluationContext } from '@openfeature/server-sdk';
import { RequestContext } from '#libs/http';
import { FakeFlagProvider, isStatic, isTargeted } from '../../../test/support/fake-flag-provider.js';
import { startFlags } from '../../../test/support/flags-module.js';

const request = (): RequestContext => new RequestContext('the-request', 'GET', '/orders/:id', false, 0);

describe('FlagsStage', () => {
  it('marks the request at once, without a promise, when no flag is targeted', async () => {
    const provider = new FakeFlagProvider({ metrics_enabled: isStatic(true), tracing_enabled: isStatic(true) });
    const running = await startFlags({ FLAGD_HOST: 'unused' }, () => provider);
    const context = request();

    const result = running.stage.onRequest(context);

    expect(result).toBeUndefined();
    expect(context).toMatchObject({ recordMetrics: true, recordTrace: true });
    await running.stop();
  });

  it('shows a targeted flag the request id as targeting key, the route template and the method', async () => {
    const seen: EvaluationContext[] = [];
    const rule = isTargeted((context) => {
      seen.push(context);
      return context['route'] === '/orders/:id';
    });
    const provider = new FakeFlagProvider({ metrics_enabled: isStatic(false), tracing_enabled: rule });
    const running = await startFlags({ FLAGD_HOST: 'unused' }, () => provider);
    const context = request();

    await running.stage.onRequest(context);

    expect(seen.at(-1)).toEqual({ targetingKey: 'the-request', route: '/orders/:id', method: 'GET' });
    expect(context).toMatchObject({ recordMetrics: false, recordTrace: true });
    await running.stop();
  });

  it('marks the request by the override of a targeted flag, without a promise', async () => {
    const provider = new FakeFlagProvider({
      metrics_enabled: isStatic(true),
      tracing_enabled: isTargeted(() => false),
    });
    const running = await startFlags({ FLAGD_HOST: 'unused' }, () => provider);
    running.flags.setOverrides({ tracing: true });
    const context = request();

    expect(running.stage.onRequest(context)).toBeUndefined();
    expect(context.recordTrace).toBe(true);
    await running.stop();
  });
});
