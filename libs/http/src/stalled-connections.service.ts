import type { Server } from 'node:http';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import type { Connection } from './connection.js';
import { Connections } from './connections.service.js';
import { UnreadableRequests } from './unreadable-requests.service.js';

const SWEEP_INTERVAL_MS = 100;

/**
 * Keeps idle and stalled clients from holding a server that closes. Node stops looking for them the moment a
 * server closes: a head or a body that is half-sent then would last for ever, and so would a connection that
 * becomes idle later, its answer having begun before anyone could add `Connection: close`, and an answer that its
 * client does not read.
 */
@Injectable()
export class StalledConnections implements BeforeApplicationShutdown {
  /** `performance.now()` when the patience with stalled clients ends, of all listeners. */
  private deadline: number | undefined;

  constructor(
    private readonly connections: Connections,
    private readonly unreadable: UnreadableRequests,
    private readonly adapterHost: HttpAdapterHost,
    @InjectAppConfig() private readonly config: AppConfig,
  ) {}

  beforeApplicationShutdown(): void {
    this.closeWith(this.adapterHost.httpAdapter.getHttpServer() as Server);
  }

  /** To be called before `server` closes. Until it has: closes what is idle, and in the end what is stalled. */
  closeWith(server: Server): void {
    if (!server.listening) return;
    this.deadline ??= performance.now() + this.patienceMs();
    const { deadline } = this;
    const timer = setInterval(() => {
      server.closeIdleConnections();
      if (performance.now() < deadline) return;
      for (const connection of this.connections.stalled(server)) this.end(connection);
    }, SWEEP_INTERVAL_MS).unref();
    server.once('close', () => clearInterval(timer));
  }

  /** As long as a client may take for a request, but never so long that the process could not end in time. */
  private patienceMs(): number {
    const { http, shutdown } = this.config;
    return Math.min(http.requestTimeoutMs, (shutdown.timeoutMs - shutdown.drainMs) / 2);
  }

  private end(connection: Connection): void {
    const { socket } = connection;
    // It was answered, and does not read.
    if (connection.refused || socket.writableLength > 0) socket.destroy();
    else
      this.unreadable.refuse(Object.assign(new Error('shutting down'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
  }
}
