import type { Server } from 'node:http';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import type { HttpConfig } from '#libs/config';
import { HttpPipeline } from './http-pipeline.service.js';
import { createHttpServer } from './http-server.js';
import { listenAsync, listenOn, portOf } from './listen.js';
import { StalledConnections } from './stalled-connections.service.js';
import { UnreadableRequests } from './unreadable-requests.service.js';

/**
 * The second listener, into the same Fastify instance and hooks. It closes last: probes are answered as long as
 * the process serves anything.
 */
@Injectable()
export class ManagementListener implements OnApplicationShutdown {
  private server: Server | undefined;

  constructor(
    private readonly pipeline: HttpPipeline,
    private readonly unreadable: UnreadableRequests,
    private readonly stalled: StalledConnections,
  ) {}

  /** Port it listens on; `undefined` without `MANAGEMENT_PORT`. */
  get port(): number | undefined {
    return this.server ? portOf(this.server) : undefined;
  }

  /** @throws {@link ListenError} */
  async listen(fastify: FastifyInstance, config: HttpConfig): Promise<void> {
    const port = config.managementPort;
    if (port === undefined) return;
    const server = createHttpServer(
      config,
      (request, response) => fastify.routing(request, response),
      (error, socket) => this.unreadable.refuse(error, socket),
    );
    this.pipeline.watch(server, true);
    this.server = server;
    await listenOn(config.host, port, (host) => listenAsync(server, { port, host }));
  }

  async onApplicationShutdown(): Promise<void> {
    const { server } = this;
    if (!server?.listening) return;
    this.stalled.closeWith(server);
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}
