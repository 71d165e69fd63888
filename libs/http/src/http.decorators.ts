import { RouteConfig } from '@nestjs/platform-fastify';

/** What the pipeline must know of a route beforehand; part of Fastify's route config. */
export interface RouteTraits {
  /** Serves the platform, not the public: answers only on `MANAGEMENT_PORT` where that is set. */
  readonly management?: boolean;
  /** A probe or a scrape: neither logged, counted nor traced. */
  readonly silent?: boolean;
}

/** Marks a handler as {@link RouteTraits.management}. */
export const ManagementRoute = (traits: Pick<RouteTraits, 'silent'> = {}): MethodDecorator =>
  RouteConfig({ management: true, ...traits } satisfies RouteTraits);
