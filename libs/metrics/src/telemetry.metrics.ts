import type { Provider } from '@nestjs/common';
import { makeCounterProvider } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { LOG_SINK, type LogSink } from '#libs/logging';
import { TracingService } from '#libs/telemetry';

/** What the other two kinds of telemetry lost; each keeps count itself. */
export const telemetryMetrics: Provider[] = [
  makeCounterProvider({
    name: 'log_lines_dropped_total',
    help: 'Log lines lost because their reader was slow or gone.',
    inject: [LOG_SINK],
    collect(this: Counter, { droppedLines }: LogSink) {
      this.reset();
      this.inc(droppedLines);
    },
  }),
  makeCounterProvider({
    name: 'otel_spans_dropped_total',
    help: 'Sampled spans that were not exported, by reason.',
    labelNames: ['reason'],
    inject: [TracingService],
    collect(this: Counter, tracing: TracingService) {
      this.reset();
      for (const [reason, spans] of Object.entries(tracing.droppedSpans())) this.inc({ reason }, spans);
    },
  }),
];
