import { ConfigurableModuleBuilder, Global, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Connections } from './connections.service.js';
import { DrainState } from './drain-state.service.js';
import { GracefulShutdown } from './graceful-shutdown.service.js';
import { REQUEST_PIPELINE, type RequestPipeline } from './http.constants.js';
import { HttpPipeline } from './http-pipeline.service.js';
import { ManagementListener } from './management-listener.service.js';
import { ProblemDetailsFilter } from './problem-details.filter.js';
import { ResponseHeadersStage } from './response-headers.stage.js';
import { StalledConnections } from './stalled-connections.service.js';
import { UnreadableRequests } from './unreadable-requests.service.js';

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<RequestPipeline>({
  optionsInjectionToken: REQUEST_PIPELINE,
})
  .setClassMethodName('forRoot')
  .build();

/** The way of a request, and the way out of the process. `forRoot` takes the stages. */
@Global()
@Module({
  providers: [
    { provide: APP_FILTER, useClass: ProblemDetailsFilter },
    Connections,
    DrainState,
    GracefulShutdown,
    HttpPipeline,
    ManagementListener,
    ResponseHeadersStage,
    StalledConnections,
    UnreadableRequests,
  ],
  exports: [DrainState, GracefulShutdown, HttpPipeline, ManagementListener, ResponseHeadersStage, UnreadableRequests],
})
export class HttpPipelineModule extends ConfigurableModuleClass {}
