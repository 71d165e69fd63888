import { Inject } from '@nestjs/common';
import type { FlagDefaults } from '#libs/config';

/**
 * The flags of the service: the name used in this code and by `/admin/flags` → the flag's key in flagd.
 *
 * A flag of your own is one entry here and its default: a field of `FlagDefaults` in `libs/config`, fed from the
 * environment. It can then be overridden, is asked of flagd and shows in the metrics like the others.
 */
export const FLAGS = {
  metrics: 'metrics_enabled',
  tracing: 'tracing_enabled',
} as const satisfies Record<keyof FlagDefaults, string>;

export type FlagName = keyof typeof FLAGS;

export const FLAG_NAMES: readonly FlagName[] = Object.freeze(Object.keys(FLAGS) as FlagName[]);

/** Token of the `ProviderSource`: where flag providers come from; `null` where no flagd is configured. */
export const FLAG_PROVIDER_SOURCE = Symbol('FLAG_PROVIDER_SOURCE');

/** Injects the `ProviderSource`, or `null`. */
export const InjectFlagProviderSource = (): ParameterDecorator & PropertyDecorator => Inject(FLAG_PROVIDER_SOURCE);
