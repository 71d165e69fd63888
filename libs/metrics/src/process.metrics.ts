import type { Provider } from '@nestjs/common';
import { makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { APP_CONFIG, type AppConfig } from '#libs/config';
import { anonymousMemoryBytes } from './anonymous-memory.js';
import { memoryLimitBytes } from './memory-limit.js';

/** Metrics of the process, besides those of Node. */
export const processMetrics: Provider[] = [
  makeGaugeProvider({
    name: 'process_memory_limit_bytes',
    help: 'Memory the process may use, in bytes; left out when there is no limit.',
    collect(this: Gauge) {
      const limit = memoryLimitBytes();
      // prom-client starts a gauge without labels at 0.
      if (limit === undefined) this.remove();
      else this.set(limit);
    },
  }),
  makeGaugeProvider({
    name: 'process_memory_anonymous_bytes',
    help: 'Memory of the process that the kernel cannot take back, in bytes; left out where the system does not tell.',
    collect(this: Gauge) {
      const bytes = anonymousMemoryBytes();
      if (bytes === undefined) this.remove();
      else this.set(bytes);
    },
  }),
  makeGaugeProvider({
    name: 'build_info',
    help: 'Always 1; the labels tell which build runs on which Node.',
    labelNames: ['version', 'revision', 'node'],
    inject: [APP_CONFIG],
    collect(this: Gauge, { service: { version, revision } }: AppConfig) {
      this.set({ version, revision, node: process.versions.node }, 1);
    },
  }),
];
