import type { Server } from 'node:http';
import { HttpException, HttpStatus, Injectable, Logger, NotFoundException, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { AllowedMethods } from './allowed-methods.js';
import { Connections } from './connections.service.js';
import { InjectRequestPipeline, type RequestPipeline } from './http.constants.js';
import type { RouteTraits } from './http.decorators.js';
import { PROBLEM_CONTENT_TYPE, problemDetails } from './problem-details.js';
import { RequestContext, runInRequest, UNMATCHED_ROUTE } from './request-context.js';
import { objectionTo } from './request-objection.js';
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
  private readonly logger = new Logger('Http');
  private allowedMethods: AllowedMethods | undefined;
  private onRequestStages: readonly (OnRequestStage | AroundRequestStage)[] = [];
  private onSendStages: readonly OnSendStage[] = [];
  private onResponseStages: readonly OnResponseStage[] = [];

  constructor(
    @InjectRequestPipeline() private readonly pipeline: RequestPipeline,
    private readonly connections: Connections,
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
    this.watch(fastify.server, false);
    fastify.decorateRequest('context', undefined);
    fastify.addHook('onRequest', (request, reply, done) => this.begin(request, reply, done));
    fastify.addHook('onSend', (request, reply, _payload, done) => {
      this.send(request, reply);
      done();
    });
  }

  /** Serves what comes through `server`, which does not listen yet. */
  watch(server: Server, management: boolean): void {
    this.connections.watch(server, management, (reply) => this.end(reply));
  }

  /** The value of `Allow` for a request that no route serves; `undefined` when its path is unknown. */
  allowedMethodsOf(request: FastifyRequest): string | undefined {
    const connection = this.connections.of(request.raw.socket);
    const path = request.raw.url?.split('?', 1)[0] ?? '';
    return this.allowedMethods?.find(path, (management) => this.connections.serves(connection, management));
  }

  /** A request that never reached the hooks: the router could not read its URL. It is counted and logged like any other. */
  refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
    this.begin(request, reply, () => {
      this.send(request, reply);
      // Fastify's own message would repeat the raw path.
      const problem = problemDetails(error.statusCode ?? 400, request.id, 'the path cannot be read');
      reply.code(problem.status).header('content-type', PROBLEM_CONTENT_TYPE).send(JSON.stringify(problem));
    });
  }

  private begin(request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void {
    const { raw } = request;
    const { config } = request.routeOptions;
    const connection = this.connections.of(raw.socket);
    if (connection?.refused) {
      // Read in one go with the request that was one too many: there is nothing left to tell this client.
      void reply.hijack();
      return;
    }
    const tooMany = connection?.full === true;
    const served = config.url !== undefined && this.connections.serves(connection, config.management === true);
    const method = raw.method ?? 'OTHER';
    const context = new RequestContext(
      request.id,
      KNOWN_METHODS.has(method) ? method : 'OTHER',
      served ? config.url : UNMATCHED_ROUTE,
      served && config.silent === true,
      performance.now(),
    );
    request.context = context;
    connection?.inFlight.push(reply);
    // Not Fastify's onResponse, which knows nothing of a client that went away. It happens once, without `once`, whose
    // bookkeeping costs more than what is called.
    reply.raw.on('finish', () => {
      connection?.answered(reply);
      this.end(reply);
    });
    if (tooMany) {
      connection.refuse();
      raw.socket.pause();
    }
    // Refused here, so that every stage sees it and nobody parses a body for nothing.
    const proceed = (error?: Error): void => {
      const objection = tooMany ? tooManyRequests() : objectionTo(raw);
      // What follows on such a connection cannot be trusted either.
      if (objection !== undefined) reply.header('connection', 'close');
      done(error ?? objection ?? (served ? undefined : new NotFoundException()));
    };
    if (context.silent) runInRequest(context, proceed);
    else runInRequest(context, () => this.enter(0, context, request, proceed));
  }

  private enter(
    index: number,
    context: RequestContext,
    request: FastifyRequest,
    proceed: (error?: Error) => void,
  ): void {
    for (let next = index; next < this.onRequestStages.length; next++) {
      const stage = this.onRequestStages[next] as OnRequestStage | AroundRequestStage;
      if ('aroundRequest' in stage)
        return stage.aroundRequest(context, request, () => this.enter(next + 1, context, request, proceed));
      const pending = stage.onRequest(context, request);
      if (pending) return void pending.then(() => this.enter(next + 1, context, request, proceed), proceed);
    }
    proceed();
  }

  private send(request: FastifyRequest, reply: FastifyReply): void {
    const { context } = request;
    if (!context) return;
    for (const stage of this.onSendStages) stage.onSend(context, request, reply);
  }

  private end(reply: FastifyReply): void {
    const { request } = reply;
    const { context } = request;
    if (!context || context.silent) return;
    const durationMs = performance.now() - context.startedAt;
    for (const stage of this.onResponseStages) {
      try {
        stage.onResponse(context, request, reply, durationMs);
      } catch (error) {
        // The answer is out: what goes wrong now is neither the client's matter nor the other stages'.
        this.logger.error({ err: error, msg: `${stage.constructor.name} failed after the response` });
      }
    }
  }
}

/** The requests before this one are served still, and a client knows to repeat the others (RFC 9112, section 9.3.2). */
function tooManyRequests(): HttpException {
  return new HttpException('too many requests of this connection are unanswered', HttpStatus.TOO_MANY_REQUESTS);
}
