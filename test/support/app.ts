import type { ModuleMetadata } from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { register } from 'prom-client';
import { loadConfig } from '#libs/config';
import { ManagementListener, portOf } from '#libs/http';
import { createRootLogger } from '#libs/logging';
import { createApp } from '../../apps/hello-world/src/create-app.js';
import { type LogLine, MemoryLog } from './memory-log.js';

/** The whole application, listening on free ports of the loopback interface, with its log in memory. */
export interface TestApp {
  readonly app: NestFastifyApplication;
  /** Base URL of the public listener. */
  readonly url: string;
  /** Base URL of the management listener, where the environment asked for one. */
  readonly managementUrl: string | undefined;
  readonly log: MemoryLog;
  /** The lines logged so far. */
  readonly lines: () => LogLine[];
  readonly close: () => Promise<void>;
}

/**
 * @param environment keys of the environment; ports are free ones and the host is loopback unless said otherwise
 * @param modules modules that only this test brings
 */
export async function startTestApp(
  environment: NodeJS.ProcessEnv = {},
  modules: NonNullable<ModuleMetadata['imports']> = [],
): Promise<TestApp> {
  const config = loadConfig({ PORT: '0', HOST: '127.0.0.1', ...environment });
  const log = new MemoryLog();
  const logger = createRootLogger(config.service, config.logging, log);
  const { app, listen } = await createApp({ config, logger, logSink: log }, modules);
  const close = async (): Promise<void> => {
    await app.close();
    // prom-client's registry belongs to the process: the next app of this test file starts from none.
    register.clear();
  };
  try {
    await listen();
  } catch (error) {
    await close();
    throw error;
  }
  const managementPort = app.get(ManagementListener).port;
  return {
    app,
    url: `http://127.0.0.1:${portOf(app.getHttpServer())}`,
    managementUrl: managementPort === undefined ? undefined : `http://127.0.0.1:${managementPort}`,
    log,
    lines: () => log.lines,
    close,
  };
}
