import { type DynamicModule, Logger, Module } from '@nestjs/common';
import { OpenFeatureModule } from '@openfeature/nestjs-sdk';
import { APP_CONFIG, type AppConfig } from '#libs/config';
import { FlagCache } from './flag-cache.service.js';
import { flagdSource } from './flagd-source.js';
import { FLAG_PROVIDER_SOURCE } from './flags.constants.js';
import { FlagsService } from './flags.service.js';
import { FlagsStage } from './flags.stage.js';
import { ProviderConnection } from './provider-connection.service.js';
import type { ProviderSource } from './provider-source.js';

/**
 * OpenFeature's module: it lets handlers inject clients (`@OpenFeatureClient()`) and gate routes
 * (`@RequireFlagsEnabled()`). Without its interceptor, which costs every request more than the router does, and
 * without its shutdown service, which closes every provider of the process and waits for each without a limit.
 */
function openFeatureModule(): DynamicModule {
  const module = OpenFeatureModule.forRoot({ useGlobalInterceptor: false });
  return { ...module, providers: (module.providers ?? []).filter((provider) => typeof provider !== 'function') };
}

/** Feature flags by OpenFeature and flagd, with admin overrides. Needs the global `AppConfigModule`. */
@Module({
  imports: [openFeatureModule()],
  providers: [
    {
      provide: FLAG_PROVIDER_SOURCE,
      inject: [APP_CONFIG],
      useFactory: ({ flags }: AppConfig): ProviderSource | null =>
        flags.flagd === undefined ? null : flagdSource(flags.flagd, new Logger('FlagdProvider')),
    },
    ProviderConnection,
    FlagCache,
    FlagsService,
    FlagsStage,
  ],
  exports: [FlagsService, FlagsStage],
})
export class FlagsModule {}
