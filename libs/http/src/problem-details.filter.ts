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
      this.logger.error({ err: error, msg: 'request failed; the client was told nothing of it' });
    if (reply.sent) return;
    void reply.code(problem.status).header('content-type', PROBLEM_CONTENT_TYPE).send(JSON.stringify(problem));
  }

  private problemOf(error: unknown, request: FastifyRequest, reply: FastifyReply): ProblemDetails {
    if (error instanceof HttpException) {
      const status = error.getStatus();
      if (status !== 404 || !request.is404) return problemDetails(status, request.id, detailOf(error));
      // Nest's own detail would repeat the raw path.
      const allow = this.pipeline.allowedMethodsOf(request);
      if (allow === undefined) return problemDetails(404, request.id);
      reply.header('allow', allow);
      return problemDetails(405, request.id, `this path takes ${allow}`);
    }
    const status = (error as Partial<FastifyError> | undefined)?.statusCode ?? 500;
    return problemDetails(
      status >= 400 && status < 500 ? status : 500,
      request.id,
      (error as Error | undefined)?.message,
    );
  }
}

/** The message of an exception: one text, whether it was given as a text, an object or a list. */
function detailOf(error: HttpException): string | undefined {
  const body = error.getResponse();
  const message: unknown = typeof body === 'string' ? body : (body as { message?: unknown }).message;
  const text: unknown = Array.isArray(message) ? message.join('; ') : message;
  return typeof text === 'string' ? text : undefined;
}
