import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Tells through which listener a connection came. Without a management listener every route answers everywhere.
 */
export class Listeners {
  private readonly managementSockets = new WeakSet<Socket>();
  private separate = false;

  /** From here on routes for the platform answer on `server` only, and no other route does. */
  addManagement(server: Server): void {
    this.separate = true;
    server.on('connection', (socket) => this.managementSockets.add(socket));
  }

  /** Whether a route for the platform (or for the public) answers on the listener of this connection. */
  serves(socket: Socket, management: boolean): boolean {
    return !this.separate || this.managementSockets.has(socket) === management;
  }
}
