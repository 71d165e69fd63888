import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

/** No client needs more of a pipeline; each request in it may hold a whole answer in memory until the client reads. */
const MAX_PIPELINED_REQUESTS = 100;

/** One open connection, as far as Node does not know it. */
export class Connection {
  /** Requests whose answers are not written yet, in their order; more than one where a client pipelines. */
  readonly inFlight: FastifyReply[] = [];
  private isRefused = false;

  constructor(
    readonly socket: Socket,
    readonly server: Server,
    /** Came through the management listener. */
    readonly management: boolean,
    /** How long a refused client may take to read what it is told, in milliseconds. */
    private readonly patienceMs: number,
  ) {}

  /** What came through it made no sense or was too much: it is answered once, then closed. */
  get refused(): boolean {
    return this.isRefused;
  }

  /** Whether one more request would be too many. */
  get full(): boolean {
    return this.inFlight.length >= MAX_PIPELINED_REQUESTS;
  }

  /**
   * Whether a handler is at work for it. Not one whose client is awaited: for the rest of a request, or to read an
   * answer.
   */
  get working(): boolean {
    return (
      !this.socket.writableNeedDrain &&
      this.inFlight.some(({ request, raw }) => request.raw.complete && !raw.writableEnded)
    );
  }

  /** The answer is out. Answers leave in the order of their requests, so it is the first one as a rule. */
  answered(reply: FastifyReply): void {
    const index = this.inFlight.indexOf(reply);
    if (index === 0) this.inFlight.shift();
    else if (index > 0) this.inFlight.splice(index, 1);
  }

  /** From here on it serves no request. Whatever it waits for, it ends when the patience with it does. */
  refuse(): void {
    this.isRefused = true;
    const timer = setTimeout(() => this.socket.destroy(), this.patienceMs).unref();
    this.socket.once('close', () => clearTimeout(timer));
  }
}
