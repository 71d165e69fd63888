import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { decodeTraces } from '../../support/otlp/decode-traces.ts';

/**
 * An OTLP/HTTP receiver that counts spans. It answers at once and decodes what it took when it is asked, since decoding
 * would take the core from the load.
 */
export class OtlpSink {
  readonly #server: Server;
  readonly #bodies: Buffer[] = [];

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  static async start(): Promise<OtlpSink> {
    const sink = new OtlpSink();
    sink.#server.listen(0, '127.0.0.1');
    await once(sink.#server, 'listening');
    return sink;
  }

  /** As `OTEL_EXPORTER_OTLP_ENDPOINT` wants it. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Different server spans that have arrived. */
  countSpans(): number {
    const ids = new Set<string>();
    for (const body of this.#bodies)
      for (const { spanId, kind } of decodeTraces(body)) if (isServer(kind)) ids.add(spanId);
    return ids.size;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await buffer(request);
      this.#bodies.push(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body);
      response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
    } catch {
      response.destroy(); // The sender went away, and will say so.
    }
  }
}

function isServer(kind: string): boolean {
  return kind.endsWith('SERVER');
}
