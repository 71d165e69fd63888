import { Injectable } from '@nestjs/common';
import type { OnRequestStage, RequestContext } from '#libs/http';
import { FlagsService } from './flags.service.js';

/** Decides at the start of a request whether it is measured and traced. Costs no microtask unless a flag is targeted. */
@Injectable()
export class FlagsStage implements OnRequestStage {
  constructor(private readonly flags: FlagsService) {}

  onRequest(context: RequestContext): void | Promise<void> {
    const metricsForAll = this.flags.valueForAll('metrics');
    const tracingForAll = this.flags.valueForAll('tracing');
    if (metricsForAll !== undefined && tracingForAll !== undefined) {
      context.recordMetrics = metricsForAll;
      context.recordTrace = tracingForAll;
      return undefined;
    }
    const evaluation = { targetingKey: context.requestId, route: context.route, method: context.method };
    const metrics = this.flags.evaluate('metrics', evaluation);
    const tracing = this.flags.evaluate('tracing', evaluation);
    return decideLater(context, metrics, tracing);
  }
}

async function decideLater(
  context: RequestContext,
  metrics: boolean | Promise<boolean>,
  tracing: boolean | Promise<boolean>,
): Promise<void> {
  [context.recordMetrics, context.recordTrace] = await Promise.all([metrics, tracing]);
}
