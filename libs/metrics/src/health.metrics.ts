import type { Provider } from '@nestjs/common';
import { makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { ReadinessService } from '#libs/health';

/** Metrics of readiness, out of the last results: a scrape waits for nobody; old results are asked for anew behind it. */
export const healthMetrics: Provider[] = [
  makeGaugeProvider({
    name: 'readiness_check',
    help: 'Whether a readiness check passed (1) or failed (0) when it was last made.',
    labelNames: ['check'],
    inject: [ReadinessService],
    collect(this: Gauge, readiness: ReadinessService) {
      for (const [check, passes] of readiness.lastResults()) this.set({ check }, Number(passes));
    },
  }),
];
