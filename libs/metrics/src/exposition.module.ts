import { Module } from '@nestjs/common';
import { makeCounterProvider } from '@willsoto/nestjs-prometheus';
import { FlagsModule } from '#libs/flags';
import { ExpositionService } from './exposition.service.js';
import { SCRAPE_ERRORS } from './metrics.constants.js';

/** What `MetricsController` needs: the library makes the controller in a module of its own, which imports this one. */
@Module({
  imports: [FlagsModule],
  providers: [
    makeCounterProvider({
      name: SCRAPE_ERRORS,
      help: 'Metrics that a scrape had to leave out, by cause.',
      labelNames: ['cause'],
    }),
    ExpositionService,
  ],
  exports: [ExpositionService, FlagsModule],
})
export class ExpositionModule {}
