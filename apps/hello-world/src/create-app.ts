import 'reflect-metadata';
import { Logger, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { OpenApiDocument } from '#libs/admin';
import {
  createFastify,
  HttpPipeline,
  LeanFastifyAdapter,
  listenOn,
  ManagementListener,
  portOf,
  UnreadableRequests,
} from '#libs/http';
import { NestLogger } from '#libs/logging';
import { AppModule, type AppModuleOptions } from './app.module.js';

/** The application, ready to listen. */
export interface CreatedApp {
  readonly app: NestFastifyApplication;
  /** Listens on the public and, where there is one, on the management port. */
  readonly listen: () => Promise<void>;
}

/**
 * Builds the application; `main.ts` and every test get the very same one.
 *
 * @param testModules modules that only a test brings
 */
export async function createApp(
  options: AppModuleOptions,
  testModules: NonNullable<ModuleMetadata['imports']> = [],
): Promise<CreatedApp> {
  const { config } = options;
  const fastify = createFastify(config.http, {
    onFrameworkError: (...args) => app.get(HttpPipeline).refuse(...args),
    onUnreadable: (...args) => app.get(UnreadableRequests).refuse(...args),
  });
  const root = AppModule.forRoot(options);
  const app = await NestFactory.create<NestFastifyApplication>(
    { ...root, imports: [...(root.imports ?? []), ...testModules] },
    new LeanFastifyAdapter(fastify),
    { logger: new NestLogger(options.logger), abortOnError: false, bodyParser: false },
  );
  app.get(HttpPipeline).attach(app.getHttpAdapter().getInstance());
  app.get(OpenApiDocument).describe(app);
  await app.init();

  const listen = async (): Promise<void> => {
    const management = app.get(ManagementListener);
    await management.listen(fastify, config.http);
    const { port } = config.http;
    // Not by Nest, which would log a failure once more than whoever called.
    await listenOn(config.http.host, port, (host) => fastify.listen({ port, host }));
    new Logger('Server').log({ port: portOf(fastify.server), management_port: management.port, msg: 'listening' });
  };
  return { app, listen };
}
