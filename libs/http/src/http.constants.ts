import type { Type } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import type { AroundRequestStage, OnRequestStage, OnResponseStage, OnSendStage } from './request-stage.js';

/** Token of the {@link RequestPipeline} of this service. */
export const REQUEST_PIPELINE = Symbol('REQUEST_PIPELINE');

/** The stages a request passes, by Fastify hook, in the order in which they run. Each comes out of DI. */
export interface RequestPipeline {
  readonly onRequest: readonly Type<OnRequestStage | AroundRequestStage>[];
  readonly onSend: readonly Type<OnSendStage>[];
  readonly onResponse: readonly Type<OnResponseStage>[];
}

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
