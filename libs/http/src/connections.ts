import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';

/** One open connection, as far as Node does not know it. */
export class Connection {
  /** Requests whose answers are not written yet; more than one where a client pipelines. */
  readonly inFlight = new Set<FastifyReply>();
  /** What came through it made no sense: it is answered once, then closed. */
  refused = false;

  constructor(
    readonly server: Server,
    /** Came through the management listener. */
    readonly management: boolean,
  ) {}
}

/** The open connections of all listeners, and what is in flight on each. */
export class Connections {
  private readonly bySocket = new Map<Socket, Connection>();
  private separate = false;

  /**
   * Knows every connection of `server` from here on; must come before it listens.
   *
   * @param onLost called for each request whose connection closed before its answer was written
   */
  watch(server: Server, management: boolean, onLost: (reply: FastifyReply) => void): void {
    this.separate ||= management;
    server.on('connection', (socket) => {
      const connection = new Connection(server, management);
      this.bySocket.set(socket, connection);
      socket.once('close', () => {
        this.bySocket.delete(socket);
        for (const reply of connection.inFlight) onLost(reply);
      });
    });
  }

  /** `undefined` for a connection that is closed already, and for a request that came without one (`inject`). */
  of(socket: Socket): Connection | undefined {
    return this.bySocket.get(socket);
  }

  /** Whether a route for the platform (or for the public) answers here. Without a management listener all do. */
  serves(connection: Connection | undefined, management: boolean): boolean {
    return !this.separate || connection?.management === management;
  }

  /** Connections of a listener that keep it from closing although no handler is at work for them. */
  *stalled(server: Server): Generator<Socket> {
    for (const [socket, connection] of this.bySocket) {
      const working = [...connection.inFlight].some((reply) => reply.request.raw.complete);
      if (connection.server === server && !working) yield socket;
    }
  }
}
