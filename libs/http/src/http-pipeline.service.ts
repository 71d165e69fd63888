import { BadRequestException, Inject, Injectable, NotFoundException, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AllowedMethods } from './allowed-methods.js';
import { REQUEST_PIPELINE, type RequestPipeline, type RouteTraits } from './http.constants.js';
import { Listeners } from './listeners.js';
import { PROBLEM_CONTENT_TYPE, problemDetails } from './problem-details.js';
import { RequestContext, runInRequest, UNMATCHED_ROUTE } from './request-context.js';
import type { AroundRequestStage, OnRequestStage, OnResponseStage, OnSendStage } from './request-stage.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the first hook; `undefined` only before it. */
    context: RequestContext | undefined;
  }
  interface FastifyContextConfig extends RouteTraits {}
}

/** Methods of RFC 9110 and RFC 5789; every other one is `OTHER`, so that a label stays bounded. */
const KNOWN_METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

/**
 * Runs the stages of a request as Fastify hooks. Hooks see what no Nest interceptor does: unknown paths, refused
 * guards and unparsable bodies.
 */
@Injectable()
export class HttpPipeline {
  readonly listeners = new Listeners();
  private allowedMethods: AllowedMethods | undefined;
  private onRequestStages: readonly (OnRequestStage | AroundRequestStage)[] = [];
  private onSendStages: readonly OnSendStage[] = [];
  private onResponseStages: readonly OnResponseStage[] = [];

  constructor(
    @Inject(REQUEST_PIPELINE) private readonly pipeline: RequestPipeline,
    private readonly moduleRef: ModuleRef,
  ) {}

  /** Hangs the pipeline into Fastify. Must come before any route is registered. */
  attach(fastify: FastifyInstance): void {
    const resolve = <T>(stages: readonly Type<T>[]): T[] =>
      stages.map((stage) => this.moduleRef.get(stage, { strict: false }));
    this.onRequestStages = resolve<OnRequestStage | AroundRequestStage>(this.pipeline.onRequest);
    this.onSendStages = resolve(this.pipeline.onSend);
    this.onResponseStages = resolve(this.pipeline.onResponse);

    this.allowedMethods = new AllowedMethods(fastify);
    fastify.decorateRequest('context', undefined);
    fastify.addHook('onRequest', (request, reply, done) => {
      // Fastify's own `onResponse` does not run for a client that went away before its answer was written.
      reply.raw.once('close', () => {
        if (!reply.raw.writableFinished) this.end(request, reply);
      });
      this.begin(request, done);
    });
    fastify.addHook('onSend', (request, reply, _payload, done) => {
      this.send(request, reply);
      done();
    });
    fastify.addHook('onResponse', (request, reply, done) => {
      this.end(request, reply);
      done();
    });
  }

  /** The value of `Allow` for a request that no route serves; `undefined` when its path is unknown. */
  allowedMethodsOf(request: FastifyRequest): string | undefined {
    const path = request.raw.url?.split('?', 1)[0] ?? '';
    return this.allowedMethods?.find(path, (management) => this.listeners.serves(request.raw.socket, management));
  }

  /** A request that never reached the hooks: the router could not read its URL. It is counted and logged like any other. */
  refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
    this.begin(request, () => {
      reply.raw.once('close', () => this.end(request, reply));
      this.send(request, reply);
      const problem = problemDetails(error.statusCode ?? 400, request.id, error.message);
      reply.code(problem.status).header('content-type', PROBLEM_CONTENT_TYPE).send(JSON.stringify(problem));
    });
  }

  private begin(request: FastifyRequest, done: (error?: Error) => void): void {
    const { config } = request.routeOptions;
    const served = config.url !== undefined && this.listeners.serves(request.raw.socket, config.management === true);
    const method = request.raw.method ?? 'OTHER';
    const context = new RequestContext(
      request.id,
      KNOWN_METHODS.has(method) ? method : 'OTHER',
      served ? config.url : UNMATCHED_ROUTE,
      served && config.silent === true,
      performance.now(),
    );
    request.context = context;
    runInRequest(context, () => {
      if (context.silent) done();
      else this.enter(0, context, request, () => done(this.objection(request, config.url !== undefined && !served)));
    });
  }

  /** Why a request that has entered goes no further: refused here, not in the router, so that every stage sees it. */
  private objection(request: FastifyRequest, onWrongListener: boolean): Error | undefined {
    if (onWrongListener) return new NotFoundException();
    if (request.raw.headers.host === undefined && request.raw.httpVersion === '1.1')
      return new BadRequestException('the Host header is missing (RFC 9112, section 3.2)');
    return undefined;
  }

  private enter(
    index: number,
    context: RequestContext,
    request: FastifyRequest,
    proceed: (error?: Error) => void,
  ): void {
    for (let next = index; next < this.onRequestStages.length; next++) {
      const stage = this.onRequestStages[next] as OnRequestStage | AroundRequestStage;
      const resume = (): void => this.enter(next + 1, context, request, proceed);
      if ('aroundRequest' in stage) return stage.aroundRequest(context, request, resume);
      const pending = stage.onRequest(context, request);
      if (pending) return void pending.then(resume, proceed);
    }
    proceed();
  }

  private send(request: FastifyRequest, reply: FastifyReply): void {
    const { context } = request;
    if (!context) return;
    for (const stage of this.onSendStages) stage.onSend(context, request, reply);
  }

  private end(request: FastifyRequest, reply: FastifyReply): void {
    const { context } = request;
    if (!context || context.silent) return;
    const durationMs = performance.now() - context.startedAt;
    for (const stage of this.onResponseStages) stage.onResponse(context, request, reply, durationMs);
  }
}
