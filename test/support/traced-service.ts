import { startTestApp, type TestApp } from './app.js';
import type { LogLine } from './memory-log.js';
import type { ReceivedSpan } from './otlp/decode-traces.js';
import { OtlpReceiver } from './otlp-receiver.js';

/** Spans leave at once, and what fails is not tried again. */
export const EAGER_EXPORT = { OTEL_BSP_SCHEDULE_DELAY: '10', OTEL_EXPORTER_OTLP_TIMEOUT: '500' };

/** A caller as W3C Trace Context names it. */
export const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
export const CALLER_SPAN_ID = '00f067aa0ba902b7';
export const SAMPLED = `00-${TRACE_ID}-${CALLER_SPAN_ID}-01`;
export const UNSAMPLED = `00-${TRACE_ID}-${CALLER_SPAN_ID}-00`;

type TestModules = Parameters<typeof startTestApp>[1];

/** The application with tracing on, and a receiver for its spans. One application at a time. */
export class TracedService {
  private running: TestApp | undefined;
  private readonly environment = process.env;

  private constructor(
    readonly receiver: OtlpReceiver,
    private readonly modules: TestModules,
  ) {}

  /** @param modules modules that only this test brings */
  static async create(modules: TestModules): Promise<TracedService> {
    return new TracedService(await OtlpReceiver.start(), modules);
  }

  get test(): TestApp {
    if (this.running === undefined) throw new Error('the application is not running');
    return this.running;
  }

  /**
   * @param keys of the environment that the configuration reads
   * @param openTelemetryKeys of the environment that OpenTelemetry reads by itself, from the process
   */
  async start(
    keys: Record<string, string> = {},
    openTelemetryKeys: Record<string, string> = EAGER_EXPORT,
  ): Promise<void> {
    process.env = { ...this.environment, ...openTelemetryKeys };
    this.running = await startTestApp(
      { ENABLE_TRACING: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: this.receiver.endpoint, ...keys },
      this.modules,
    );
  }

  /** Ends the application; for `afterEach`. */
  async close(): Promise<void> {
    const { running } = this;
    this.running = undefined;
    await running?.close();
    process.env = this.environment;
  }

  /** Ends the application and the receiver; for `afterAll`. */
  async end(): Promise<void> {
    await this.close();
    await this.receiver.die();
  }

  /** Sends a request and reads its answer to the end. */
  async get(path: string, headers: Record<string, string> = {}): Promise<Response> {
    const response = await fetch(`${this.test.url}${path}`, { headers });
    await response.arrayBuffer();
    return response;
  }

  /** The next spans that arrive, once `send` is done. */
  async spansOf(count: number, send: () => Promise<unknown>): Promise<ReceivedSpan[]> {
    const before = this.receiver.spans.length;
    await send();
    return (await this.receiver.waitForSpans(before + count)).slice(before);
  }

  /** The span of a request, once it has arrived. */
  async spanOf(send: () => Promise<unknown>): Promise<ReceivedSpan> {
    const [span] = await this.spansOf(1, send);
    return span!;
  }

  /** The access line of the request with this id. */
  async accessLine(requestId: string): Promise<LogLine> {
    return this.test.log.waitFor((line) => line.msg === 'request' && line['request_id'] === requestId);
  }

  warnings(): LogLine[] {
    return this.test.lines().filter(({ level }) => level === 'warn');
  }
}
