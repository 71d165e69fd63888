import { Inject, type Type } from '@nestjs/common';
import type { AroundRequestStage, OnRequestStage, OnResponseStage, OnSendStage } from './request-stage.js';

/** Token of the {@link RequestPipeline} of this service. */
export const REQUEST_PIPELINE = Symbol('REQUEST_PIPELINE');
export const InjectRequestPipeline = (): ParameterDecorator & PropertyDecorator => Inject(REQUEST_PIPELINE);

/**
 * The stages a request passes, by Fastify hook, in the order in which they run. Each comes out of DI: its class is
 * provided by the module it belongs to.
 */
export interface RequestPipeline {
  readonly onRequest: readonly Type<OnRequestStage | AroundRequestStage>[];
  readonly onSend: readonly Type<OnSendStage>[];
  readonly onResponse: readonly Type<OnResponseStage>[];
}
