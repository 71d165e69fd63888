import type { Provider } from '@nestjs/common';
import { makeCounterProvider, makeGaugeProvider } from '@willsoto/nestjs-prometheus';
import type { Gauge } from 'prom-client';
import { FLAG_NAMES, FLAGS, FlagsService, PROVIDER_STATES } from '#libs/flags';
import { FLAG_CHANGES } from './metrics.constants.js';

/** Metrics of flags; their label is the flag's key in flagd. */
export const flagsMetrics: Provider[] = [
  makeGaugeProvider({
    name: 'feature_flag_enabled',
    help: 'Whether a flag is on (1) or off (0) for requests; of a targeted flag the value of a plain GET /.',
    labelNames: ['flag'],
    inject: [FlagsService],
    collect(this: Gauge, flags: FlagsService) {
      const values = flags.snapshot();
      for (const name of FLAG_NAMES) this.set({ flag: FLAGS[name] }, Number(values[name]));
    },
  }),
  makeGaugeProvider({
    name: 'feature_flag_provider_state',
    help: 'State of the flag provider: 1 for the one it is in.',
    labelNames: ['state'],
    inject: [FlagsService],
    collect(this: Gauge, flags: FlagsService) {
      const current = flags.providerState();
      for (const state of PROVIDER_STATES) this.set({ state }, Number(state === current));
    },
  }),
  makeCounterProvider({
    name: FLAG_CHANGES,
    help: 'Changes of flags: set or reset by an administrator, or changed by flagd.',
    labelNames: ['flag', 'action'],
  }),
];
