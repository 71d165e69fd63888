import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import { Connection } from './connection.js';

/** The connection of a socket, on the socket itself: no look-up is as cheap. */
const CONNECTION = Symbol('connection');
type KnownSocket = Socket & { [CONNECTION]?: Connection | undefined };

/** The open connections of all listeners, and what is in flight on each. */
@Injectable()
export class Connections {
  private readonly open = new Set<Connection>();
  private separate = false;

  constructor(@InjectAppConfig() private readonly config: AppConfig) {}

  /**
   * Knows every connection of `server` from here on; must come before it listens.
   *
   * @param onLost called for each request whose connection closed before its answer was written
   */
  watch(server: Server, management: boolean, onLost: (reply: FastifyReply) => void): void {
    this.separate ||= management;
    server.on('connection', (socket: KnownSocket) => {
      const connection = new Connection(socket, server, management, this.config.http.requestTimeoutMs);
      this.open.add(connection);
      socket[CONNECTION] = connection;
      socket.once('close', () => {
        this.open.delete(connection);
        socket[CONNECTION] = undefined;
        for (const reply of connection.inFlight) onLost(reply);
      });
    });
    // Node would also close the connection of a handler that takes its time.
    server.on('timeout', (socket) => {
      if (!this.of(socket)?.working) socket.destroy();
    });
  }

  /** `undefined` for a connection that is closed already, and for a request that came without one (`inject`). */
  of(socket: KnownSocket): Connection | undefined {
    return socket[CONNECTION];
  }

  /** Whether a route for the platform (or for the public) answers here. Without a management listener all do. */
  serves(connection: Connection | undefined, management: boolean): boolean {
    return !this.separate || connection?.management === management;
  }

  /** Connections of a listener that keep it from closing although no handler is at work for them. */
  *stalled(server: Server): Generator<Connection> {
    for (const connection of this.open) if (connection.server === server && !connection.working) yield connection;
  }
}
