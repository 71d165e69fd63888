import type { Server } from 'node:http';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { type HttpConfig } from '#libs/config';
import { HttpPipeline } from './http-pipeline.service.js';
import { answerClientError, type ClientErrorListener, createHttpServer } from './http-server.js';
import { listenAsync, listenOn, portOf } from './listen.js';

/**
 * The second listener, into the same Fastify instance and hooks. It closes last: probes are answered as long as
 * the process serves anything.
 */
@Injectable()
export class ManagementListener implements OnApplicationShutdown {
  private server: Server | undefined;

  constructor(private readonly pipeline: HttpPipeline) {}

  /** Port it listens on; `undefined` without `MANAGEMENT_PORT`. */
  get port(): number | undefined {
    return this.server ? portOf(this.server) : undefined;
  }

  /**
   * @throws the system's error, `EADDRINUSE` for one
   */
  async listen(fastify: FastifyInstance, config: HttpConfig, onClientError: ClientErrorListener): Promise<void> {
    const port = config.managementPort;
    if (port === undefined) return;
    const server = createHttpServer(config, fastify.routing);
    server.on('clientError', (error, socket) => answerClientError(error, socket as never, onClientError));
    this.pipeline.listeners.addManagement(server);
    this.server = server;
    await listenOn(config.host, (host) => listenAsync(server, { port, host }));
  }

  async onApplicationShutdown(): Promise<void> {
    const { server } = this;
    if (!server?.listening) return;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeIdleConnections();
    });
  }
}
