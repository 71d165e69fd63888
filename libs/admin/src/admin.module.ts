import { type DynamicModule, Module } from '@nestjs/common';
import type { AdminConfig } from '#libs/config';
import { FlagsModule } from '#libs/flags';
import { MetricsModule } from '#libs/metrics';
import { AdminController } from './admin.controller.js';
import { OpenApiDocument } from './openapi.document.js';

/**
 * `/admin/*`. Where the environment does not turn it on the routes do not exist at all, so that neither a body they
 * cannot parse nor a method they lack gives them away; the guard refuses once more whoever mounts the controller.
 */
@Module({})
export class AdminModule {
  static forRoot({ enabled }: AdminConfig): DynamicModule {
    return {
      module: AdminModule,
      imports: [FlagsModule, MetricsModule],
      controllers: enabled ? [AdminController] : [],
      providers: [OpenApiDocument],
      exports: [OpenApiDocument],
    };
  }
}
