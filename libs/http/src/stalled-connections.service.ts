import type { Server } from 'node:http';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import { HttpPipeline } from './http-pipeline.service.js';
import { UnreadableRequests } from './unreadable-requests.service.js';

const SWEEP_INTERVAL_MS = 100;

/**
 * Keeps idle and stalled clients from holding a server that closes. Node stops looking for them the moment a
 * server closes: a head or a body that is half-sent then would last for ever, and so would a connection that
 * becomes idle later, its answer having begun before anyone could add `Connection: close`.
 */
@Injectable()
export class StalledConnections implements BeforeApplicationShutdown {
  constructor(
    private readonly pipeline: HttpPipeline,
    private readonly unreadable: UnreadableRequests,
    private readonly adapterHost: HttpAdapterHost,
    @InjectAppConfig() private readonly config: AppConfig,
  ) {}

  beforeApplicationShutdown(): void {
    this.closeWith(this.adapterHost.httpAdapter.getHttpServer() as Server);
  }

  /** To be called before `server` closes. Until it has: closes what is idle, and what has not sent its request within the request timeout. */
  closeWith(server: Server): void {
    if (!server.listening) return;
    const deadline = performance.now() + this.config.http.requestTimeoutMs;
    const timer = setInterval(() => {
      server.closeIdleConnections();
      if (performance.now() < deadline) return;
      for (const socket of this.pipeline.connections.stalled(server))
        this.unreadable.refuse(Object.assign(new Error('shutting down'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), socket);
    }, SWEEP_INTERVAL_MS).unref();
    server.once('close', () => clearInterval(timer));
  }
}
