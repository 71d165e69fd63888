/**
 * A client that sends at a pace (an open loop), or through many paths: what wrk cannot. Told by one argument in JSON,
 * it prints what it saw in JSON.
 */
import { connect, type Socket } from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PacedOptions } from './load.ts';
import type { LoadResult } from './wrk-output.ts';

const HEAD_END = '\r\n\r\n';
/** How long answers may be missing after the last request was sent. */
const LAST_ANSWERS_MS = 10_000;

class Client {
  readonly #options: PacedOptions & { readonly port: number };
  readonly #free: Connection[] = [];
  /** In microseconds. */
  readonly #latency = createHistogram({ lowest: 1, highest: 3_600_000_000, figures: 3 });
  #sent = 0;
  #answered = 0;
  #refused = 0;
  #errors = 0;

  constructor(options: PacedOptions & { readonly port: number }) {
    this.#options = options;
  }

  async run(): Promise<LoadResult> {
    const { connections, requests, rate } = this.#options;
    const all = await Promise.all(Array.from({ length: connections }, () => Connection.open(this.#options.port)));
    for (const connection of all) {
      connection.onAnswer = (status, dueAt) => this.#take(connection, status, dueAt);
      connection.onLost = () => this.#errors++;
    }
    this.#free.push(...all);
    const endAside = await this.#askAside();
    const startedAt = performance.now();
    const intervalMs = rate === undefined ? 0 : 1_000 / rate;
    await new Promise<void>((resolve) => {
      const turn = (): void => {
        const now = performance.now();
        while (this.#sent < requests) {
          const dueAt = rate === undefined ? now : startedAt + this.#sent * intervalMs;
          if (dueAt > now || !this.#send(dueAt)) break;
        }
        if (this.#sent < requests && this.#errors === 0) setImmediate(turn);
        else resolve();
      };
      turn();
    });
    const sentIn = performance.now() - startedAt;
    const missing = (): boolean => this.#answered < this.#sent && this.#errors === 0;
    for (let waited = 0; waited < LAST_ANSWERS_MS && missing(); waited += 5) await sleep(5);
    for (const connection of all) connection.close();
    endAside();
    const percentile = (percent: number): number => this.#latency.percentile(percent) / 1_000;
    return {
      requests: this.#answered,
      requestsPerSecond: (this.#answered * 1_000) / sentIn,
      p50: percentile(50),
      p99: percentile(99),
      max: this.#latency.max / 1_000,
      refused: this.#refused,
      errors: this.#errors + this.#sent - this.#answered,
    };
  }

  /** @returns what ends it */
  async #askAside(): Promise<() => void> {
    const { aside, port } = this.#options;
    if (aside === undefined) return () => {};
    const connection = await Connection.open(port);
    let isFree = true;
    connection.onAnswer = (status) => {
      isFree = true;
      if (status !== 200) this.#errors++;
    };
    const timer = setInterval(() => {
      // It would overtake itself.
      if (!isFree) return;
      isFree = false;
      connection.send(aside.path, 0, `Accept: ${aside.accept}\r\n`);
    }, aside.everyMs);
    return () => {
      clearInterval(timer);
      connection.close();
    };
  }

  /** @returns whether there was a connection for it */
  #send(dueAt: number): boolean {
    const connection = this.#free.pop();
    if (connection === undefined) return false;
    const { path, distinctPaths } = this.#options;
    connection.send(distinctPaths === undefined ? path : path + (this.#sent % distinctPaths), dueAt);
    this.#sent++;
    return true;
  }

  #take(connection: Connection, status: number, dueAt: number): void {
    this.#latency.record(Math.max(1, Math.round((performance.now() - dueAt) * 1_000)));
    this.#answered++;
    if (status >= 400) this.#refused++;
    this.#free.push(connection);
  }
}

/** One connection, kept alive, with one request at a time. */
class Connection {
  readonly #socket: Socket;
  #dueAt = 0;
  #received: Buffer | undefined;
  onAnswer: (status: number, dueAt: number) => void = () => {};
  onLost: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', () => {}); // It closes as well.
    socket.on('close', () => this.onLost());
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Connection(socket.off('error', reject))));
    });
  }

  send(path: string, dueAt: number, headers = ''): void {
    this.#dueAt = dueAt;
    this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${headers}\r\n`, 'latin1');
  }

  close(): void {
    this.onLost = () => {};
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const data = this.#received === undefined ? chunk : Buffer.concat([this.#received, chunk]);
    this.#received = data;
    const headLength = data.indexOf(HEAD_END);
    if (headLength === -1) return;
    const head = data.toString('latin1', 0, headLength);
    const [, length] = /\r\ncontent-length: *(\d+)/i.exec(head) ?? [];
    if (length === undefined) throw new Error(`an answer without Content-Length:\n${head}`);
    if (data.length < headLength + HEAD_END.length + Number(length)) return;
    this.#received = undefined;
    this.onAnswer(Number(head.slice(9, 12)), this.#dueAt);
  }
}

const options = JSON.parse(process.argv[2] ?? '') as PacedOptions & { readonly port: number };
console.log(JSON.stringify(await new Client(options).run()));
