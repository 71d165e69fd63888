import { type DynamicModule, Module } from '@nestjs/common';
import type { AppConfig } from './app-config.js';
import { APP_CONFIG } from './config.constants.js';
import { SecretFiles } from './secret-files.service.js';

/** Hands the configuration, loaded before Nest exists, to whoever injects it. */
@Module({})
export class AppConfigModule {
  static forRoot(config: AppConfig): DynamicModule {
    return {
      module: AppConfigModule,
      global: true,
      providers: [{ provide: APP_CONFIG, useValue: config }, SecretFiles],
      exports: [APP_CONFIG],
    };
  }
}
