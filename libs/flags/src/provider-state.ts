/**
 * States of the flag provider: those of OpenFeature (specification, section 1.7), and `not_configured` where the
 * service has no flagd at all. The last known values hold in all of them.
 */
export const PROVIDER_STATES = ['not_configured', 'not_ready', 'ready', 'stale', 'error', 'fatal'] as const;

export type ProviderState = (typeof PROVIDER_STATES)[number];
