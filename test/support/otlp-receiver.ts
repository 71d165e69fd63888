import { EventEmitter, once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { decodeTraces, type ReceivedSpan } from './otlp/decode-traces.js';

/** Longest a test waits for spans. */
const WAIT_TIMEOUT_MS = 15_000;

export interface ReceivedExport {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly spans: readonly ReceivedSpan[];
}

/** What the receiver does with an export: take it, take it after a while, never answer, or answer with a status. */
export type ReceiverBehaviour = 'accept' | 'hang' | { readonly delayMs: number } | { readonly status: number };

/** A real OTLP/HTTP receiver that can also be slow, hang, refuse, die and come back on its port. */
export class OtlpReceiver {
  /** Every export whose spans were taken. */
  readonly exports: ReceivedExport[] = [];
  /** How often somebody tried, whatever came of it. */
  attempts = 0;
  behaviour: ReceiverBehaviour = 'accept';
  private readonly news = new EventEmitter();
  private server: Server | undefined;
  private port = 0;

  static async start(): Promise<OtlpReceiver> {
    const receiver = new OtlpReceiver();
    await receiver.listen();
    return receiver;
  }

  /** The base URL, as `OTEL_EXPORTER_OTLP_ENDPOINT` wants it. */
  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get spans(): ReceivedSpan[] {
    return this.exports.flatMap(({ spans }) => spans);
  }

  /** Waits until at least `count` spans have been taken since the start. */
  async waitForSpans(count: number): Promise<ReceivedSpan[]> {
    await this.until('taken', () => this.spans.length >= count);
    return this.spans;
  }

  /** Waits until somebody has tried to export `count` times since the start. */
  async waitForAttempts(count: number): Promise<void> {
    await this.until('attempt', () => this.attempts >= count);
  }

  /** Closes the port and every connection. */
  async die(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  /** Comes back on the port it had, well again. */
  async revive(): Promise<void> {
    this.behaviour = 'accept';
    await this.listen();
  }

  private async listen(): Promise<void> {
    const server = createServer((request, response) => void this.receive(request, response));
    this.server = server;
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
  }

  private async receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { behaviour } = this;
    try {
      const body = await buffer(request);
      this.attempts++;
      this.news.emit('attempt');
      if (behaviour === 'hang') return;
      if (typeof behaviour === 'object' && 'status' in behaviour) {
        response.writeHead(behaviour.status).end();
        return;
      }
      if (typeof behaviour === 'object') await new Promise((resolve) => setTimeout(resolve, behaviour.delayMs));
      this.take(request, body);
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    } catch (error) {
      response.writeHead(400).end(String(error));
    }
  }

  private take({ url = '', headers }: IncomingMessage, body: Buffer): void {
    if (headers['content-type'] !== 'application/x-protobuf') throw new Error('not application/x-protobuf');
    const message = headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
    this.exports.push({ path: url, headers, spans: decodeTraces(message) });
    this.news.emit('taken');
  }

  private async until(event: 'taken' | 'attempt', reached: () => boolean): Promise<void> {
    const signal = AbortSignal.timeout(WAIT_TIMEOUT_MS);
    while (!reached()) {
      try {
        await once(this.news, event, { signal });
      } catch (cause) {
        throw new Error(`the OTLP receiver has ${this.spans.length} spans of ${this.attempts} exports, awaited more`, {
          cause,
        });
      }
    }
  }
}
