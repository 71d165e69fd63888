import { forwardRef, Logger, Module } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '#libs/config';
import { FlagCache } from './flag-cache.service.js';
import { FLAG_PROVIDER_SOURCE } from './flags.constants.js';
import { FlagsService } from './flags.service.js';
import { FlagsStage } from './flags.stage.js';
import { openFeatureModule } from './open-feature.module.js';
import { ProviderConnection } from './provider-connection.service.js';
import type { ProviderSource } from './provider-source.js';

/** Feature flags by OpenFeature and flagd, with admin overrides. Needs the global `AppConfigModule`. */
@Module({
  // Not a cycle: a reference is followed when an application is made, a call would be at import.
  imports: [forwardRef(openFeatureModule)],
  providers: [
    {
      provide: FLAG_PROVIDER_SOURCE,
      inject: [APP_CONFIG],
      useFactory: async ({ flags }: AppConfig): Promise<ProviderSource | null> => {
        if (flags.flagd === undefined) return null;
        // It brings gRPC along, which a service without flagd does not need.
        const { flagdSource } = await import('./flagd-source.js');
        return flagdSource(flags.flagd, new Logger('FlagdProvider'));
      },
    },
    ProviderConnection,
    FlagCache,
    FlagsService,
    FlagsStage,
  ],
  exports: [FlagsService, FlagsStage],
})
export class FlagsModule {}
