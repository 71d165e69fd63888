import { type ExportResult, ExportResultCode } from '@opentelemetry/core';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';

/**
 * OTLP/HTTP with protobuf, loaded with the first batch: its modules cost more at start than the rest of the SDK, and
 * a service with tracing off never needs them. Headers, compression, certificates and the time limit (10 s an export,
 * retries included) it takes from the `OTEL_EXPORTER_OTLP_*` keys by itself.
 */
export class LazyOtlpExporter implements SpanExporter {
  private loading: Promise<SpanExporter> | undefined;

  /** @param url of the traces, complete with its path */
  constructor(private readonly url: string) {}

  export(spans: ReadableSpan[], report: (result: ExportResult) => void): void {
    void this.send(spans).then(report);
  }

  async forceFlush(): Promise<void> {
    await (await this.loading)?.forceFlush?.();
  }

  async shutdown(): Promise<void> {
    await (await this.loading)?.shutdown();
  }

  private async send(spans: ReadableSpan[]): Promise<ExportResult> {
    try {
      this.loading ??= this.load();
      const exporter = await this.loading;
      return await new Promise<ExportResult>((resolve) => exporter.export(spans, resolve));
    } catch (error) {
      return { code: ExportResultCode.FAILED, error: error instanceof Error ? error : new Error(String(error)) };
    }
  }

  private async load(): Promise<SpanExporter> {
    const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
    return new OTLPTraceExporter({ url: this.url });
  }
}
