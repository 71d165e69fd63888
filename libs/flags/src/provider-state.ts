/**
 * States of the flag provider: those of OpenFeature (specification, section 1.7), and `not_configured` where the
 * service has no flagd at all. A static flag keeps its last known value in all of them; a targeted one is evaluated
 * only where the provider can answer (`ready`, or rules that are in this process) and has its default elsewhere.
 */
export const PROVIDER_STATES = ['not_configured', 'not_ready', 'ready', 'stale', 'error', 'fatal'] as const;

export type ProviderState = (typeof PROVIDER_STATES)[number];
