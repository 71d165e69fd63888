import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { context, propagation, ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { type AppConfig, loadConfig } from '#libs/config';
import { TracingService } from './tracing.service.js';

let config: AppConfig;
let tracing: TracingService;

beforeEach(async () => {
  config = loadConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' });
  tracing = new TracingService(config);
  await tracing.onModuleInit();
});

afterEach(async () => {
  await tracing.onApplicationShutdown();
  context.disable();
});

/** Whether somebody who asks OpenTelemetry's API for a span gets one that is recorded. */
function isTracing(): boolean {
  return trace.getTracer('test').startSpan('test').isRecording();
}

describe('TracingService', () => {
  it('before the first server span, propagates but starts no SDK', () => {
    expect(propagation.fields()).toEqual(['traceparent', 'tracestate', 'baggage']);
    expect(isTracing()).toBe(false);
    expect(tracing.droppedSpans()).toEqual({ queue_full: 0, export_failed: 0, shutdown: 0 });
  });

  it('with the first server span, starts the SDK for everybody', () => {
    const span = tracing.startServerSpan('GET /', {}, ROOT_CONTEXT);

    expect(span.isRecording()).toBe(true);
    expect(isTracing()).toBe(true);
  });

  it('when shut down, leaves OpenTelemetry as it found it, for a second application in this process', async () => {
    tracing.startServerSpan('GET /', {}, ROOT_CONTEXT);
    await tracing.onApplicationShutdown();
    const left = { fields: propagation.fields(), tracing: isTracing() };

    tracing = new TracingService(config);
    await tracing.onModuleInit();
    tracing.startServerSpan('GET /', {}, ROOT_CONTEXT);

    expect(left).toEqual({ fields: [], tracing: false });
    expect(isTracing()).toBe(true);
  });

  it('never started, has nothing to flush', async () => {
    await expect(tracing.flush()).resolves.toBeUndefined();
  });

  it('given an SDK that somebody else has registered, leaves it in place at the end', async () => {
    await tracing.onApplicationShutdown();
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    const key = Symbol('foreign');
    tracing = new TracingService(config);
    await tracing.onModuleInit();

    await tracing.onApplicationShutdown();

    const seen = context.with(ROOT_CONTEXT.setValue(key, 'still here'), () => context.active().getValue(key));
    expect(seen).toBe('still here');
  });
});
