import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { DrainState } from './drain-state.service.js';
import { GracefulShutdown } from './graceful-shutdown.service.js';
import { REQUEST_PIPELINE, type RequestPipeline } from './http.constants.js';
import { HttpPipeline } from './http-pipeline.service.js';
import { ManagementListener } from './management-listener.service.js';
import { ProblemDetailsFilter } from './problem-details.filter.js';
import { ResponseHeadersStage } from './response-headers.stage.js';
import { StalledConnections } from './stalled-connections.service.js';
import { UnreadableRequests } from './unreadable-requests.service.js';

/** The way of a request, and the way out of the process. */
@Module({})
export class HttpPipelineModule {
  /** @param pipeline the stages, in order; their classes come from the modules that provide them */
  static forRoot(pipeline: RequestPipeline): DynamicModule {
    return {
      module: HttpPipelineModule,
      global: true,
      providers: [
        { provide: REQUEST_PIPELINE, useValue: pipeline },
        { provide: APP_FILTER, useClass: ProblemDetailsFilter },
        DrainState,
        GracefulShutdown,
        HttpPipeline,
        ManagementListener,
        ResponseHeadersStage,
        StalledConnections,
        UnreadableRequests,
      ],
      exports: [
        DrainState,
        GracefulShutdown,
        HttpPipeline,
        ManagementListener,
        ResponseHeadersStage,
        UnreadableRequests,
      ],
    };
  }
}
