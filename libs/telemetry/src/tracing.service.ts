import { AsyncLocalStorage } from 'node:async_hooks';
import { Injectable, Logger, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import {
  type Attributes,
  type Context,
  context,
  DiagLogLevel,
  diag,
  propagation,
  type Span,
  SpanKind,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { TracerProvider } from '@opentelemetry/sdk-trace';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import { BoundedSpanProcessor, type SpanDropReason } from './bounded-span.processor.js';
import { FlagGatedTracerProvider } from './flag-gated.tracer-provider.js';
import { instrumentPg } from './instrument-pg.js';
import { LazyOtlpExporter } from './lazy-otlp.exporter.js';
import { NestDiagLogger } from './nest-diag.logger.js';
import { isSdkDisabled, samplerFromEnvironment, traceDestination } from './otel-environment.js';
import { serviceResource } from './service-resource.js';
import { MAX_ATTRIBUTE_LENGTH } from './telemetry.constants.js';
import { w3cPropagator } from './trace-context.js';

/**
 * The OpenTelemetry SDK's life. Propagation works from the start; the tracer provider and the exporter come with the
 * first span, so a service whose tracing flag is never on does not pay for them.
 */
@Injectable()
export class TracingService implements OnModuleInit, OnApplicationShutdown {
  private readonly logger = new Logger('Tracing');
  private readonly outsideRequests = AsyncLocalStorage.snapshot();
  private readonly undo: (() => void)[] = [];
  private tracer: Tracer | undefined;
  private processor: BoundedSpanProcessor | undefined;
  private disabled = false;

  constructor(@InjectAppConfig() private readonly config: AppConfig) {}

  async onModuleInit(): Promise<void> {
    const logger = new NestDiagLogger(this.logger);
    this.register(diag, diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true }));
    this.register(context, context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
    this.register(propagation, propagation.setGlobalPropagator(w3cPropagator));
    this.disabled = isSdkDisabled();
    if (this.disabled)
      this.logger.log(
        `OTEL_SDK_DISABLED is true: no spans, whatever the flag says; the trace context of callers is passed on`,
      );
    else if (this.config.database.url !== undefined) this.undo.push(await instrumentPg());
  }

  /** Whether a request can have a span at all. */
  get makesSpans(): boolean {
    return !this.disabled;
  }

  /** Starts the span of a request that arrives, as a child of `parent` if that holds a span. */
  startServerSpan(name: string, attributes: Attributes, parent: Context): Span {
    this.tracer ??= this.outsideRequests(() => this.start());
    return this.tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
  }

  /** Sampled spans lost since the start, by reason. */
  droppedSpans(): Readonly<Record<SpanDropReason, number>> {
    return this.processor?.dropped() ?? { queue_full: 0, export_failed: 0, shutdown: 0 };
  }

  /** Sends the spans that wait. Settles when they have arrived or failed. */
  async flush(): Promise<void> {
    await this.processor?.forceFlush();
  }

  /** Nest calls this after the last request was answered. */
  async onApplicationShutdown(): Promise<void> {
    await this.processor?.shutdown();
    for (const undo of this.undo.splice(0).toReversed()) undo();
  }

  private start(): Tracer {
    const destination = traceDestination(this.config.telemetry.endpoint);
    if ('url' in destination) {
      const { url } = destination;
      const exporter = new LazyOtlpExporter(url);
      this.processor = new BoundedSpanProcessor(exporter, nameOf(url), this.logger, this.outsideRequests);
    } else {
      const message = `tracing is on but ${destination.reason}: trace ids go into logs and outbound requests, no span is exported`;
      if (destination.chosen) this.logger.log(message);
      else this.logger.warn(message);
    }
    const provider = new TracerProvider({
      resource: serviceResource(this.config.service),
      sampler: samplerFromEnvironment(),
      spanLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE_LENGTH },
      spanProcessors: this.processor === undefined ? [] : [this.processor],
    });
    this.register(trace, trace.setGlobalTracerProvider(new FlagGatedTracerProvider(provider)));
    const { name, version } = this.config.service;
    return provider.getTracer(name, version);
  }

  /** What this service has registered with OpenTelemetry's global API it also takes back, and only that. */
  private register(api: { disable(): void }, registered: boolean): void {
    if (registered) this.undo.push(() => api.disable());
  }
}

/** The receiver as the log may name it: without its query, which may hold a key. */
function nameOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}
