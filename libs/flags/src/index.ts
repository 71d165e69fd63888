export { FLAG_NAMES, FLAG_PROVIDER_SOURCE, FLAGS, type FlagName } from './flags.constants.js';
export { FlagsModule } from './flags.module.js';
export { type EffectiveFlag, type FlagChange, type FlagOverrides, FlagsService } from './flags.service.js';
export { FlagsStage } from './flags.stage.js';
export type { ProviderSource } from './provider-source.js';
export { PROVIDER_STATES, type ProviderState } from './provider-state.js';
