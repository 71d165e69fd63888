/**
 * `--import`ed: auto-instrumentation, exported in batches. Of the many instrumentations that usually come along only the
 * one of HTTP makes spans under Fastify and this Nest, so the others are left out, to the advantage of what is measured.
 */
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

const provider = new TracerProvider({
  spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
});
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(provider);
const instrumentation = new HttpInstrumentation();
instrumentation.setTracerProvider(provider);

process.on('SIGTERM', () => void provider.shutdown().finally(() => process.exit(0)));
