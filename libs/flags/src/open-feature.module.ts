import type { DynamicModule } from '@nestjs/common';
import { OpenFeatureModule } from '@openfeature/nestjs-sdk';

/** The library does not export the class, so its name has to do. */
const SHUTDOWN_SERVICE = 'ShutdownService';

/**
 * OpenFeature's module: it lets handlers inject clients (`@OpenFeatureClient()`) and gate routes
 * (`@RequireFlagsEnabled()`). Without its interceptor, which costs every request more than the router does, and
 * without its shutdown service.
 *
 * To be called when the application is put together: the library changes OpenFeature's global API.
 */
export function openFeatureModule(): DynamicModule {
  return withoutShutdownService(OpenFeatureModule.forRoot({ useGlobalInterceptor: false }));
}

/**
 * As of 0.2.5 the shutdown service of the library closes every provider of the process, those of other applications
 * too, and waits for each without a limit (https://github.com/open-feature/js-sdk/pull/767); no option leaves it out.
 * May go once the library has such an option, or closes only what it was given.
 *
 * @throws Error if the library has no such service any more: time to look whether this is still needed
 */
export function withoutShutdownService(module: DynamicModule): DynamicModule {
  const providers = module.providers ?? [];
  const kept = providers.filter((provider) => typeof provider !== 'function' || provider.name !== SHUTDOWN_SERVICE);
  if (kept.length !== providers.length - 1) {
    throw new Error(
      `@openfeature/nestjs-sdk has no ${SHUTDOWN_SERVICE} to leave out: see who closes the flag providers`,
    );
  }
  return { ...module, providers: kept };
}
