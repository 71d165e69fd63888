import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { HttpPipeline } from './http-pipeline.service.js';
import { PROBLEM_CONTENT_TYPE, type ProblemDetails, problemDetails } from './problem-details.js';

/** The one exception filter: whatever was thrown becomes a problem (RFC 9457), and a fault of ours one error line. */
@Catch()
export class ProblemDetailsFilter implements ExceptionFilter {
  private readonly logger = new Logger('HttpError');

  constructor(private readonly pipeline: HttpPipeline) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const problem = this.problemOf(error, request, reply);
    if (problem.status >= 500)
      this.logger.error({
        err: error,
        method: request.context?.method,
        route: request.context?.route,
        status: problem.status,
        msg: 'request failed; the client was told nothing of it',
      });
    if (reply.sent) return;
    void reply.code(problem.status).header('content-type', PROBLEM_CONTENT_TYPE).send(JSON.stringify(problem));
  }

  private problemOf(error: unknown, request: FastifyRequest, reply: FastifyReply): ProblemDetails {
    if (error instanceof HttpException) {
      const status = error.getStatus();
      const isUnserved = status === 404 && request.is404;
      return isUnserved ? this.unserved(request, reply) : problemDetails(status, request.id, detailOf(error));
    }
    // Nest has made an HttpException of Fastify's own errors; what breaks while a body arrives is none of those.
    const { statusCode = 500, message } = (error ?? {}) as Partial<FastifyError>;
    const status = statusCode >= 400 && statusCode < 500 ? statusCode : 500;
    return problemDetails(status, request.id, typeof message === 'string' ? message : undefined);
  }

  /** 405 with `Allow` where the path is known (RFC 9110, section 15.5.6), else 404. Never repeats the raw path. */
  private unserved(request: FastifyRequest, reply: FastifyReply): ProblemDetails {
    const allow = this.pipeline.allowedMethodsOf(request);
    if (allow === undefined) return problemDetails(404, request.id);
    reply.header('allow', allow);
    return problemDetails(405, request.id, `this path takes ${allow}`);
  }
}

/** The message of an exception: one text, whether it was given as a text, an object or a list. */
function detailOf(error: HttpException): string | undefined {
  const body = error.getResponse();
  const message: unknown = typeof body === 'string' ? body : (body as { message?: unknown }).message;
  const text: unknown = Array.isArray(message) ? message.join('; ') : message;
  return typeof text === 'string' ? text : undefined;
}
