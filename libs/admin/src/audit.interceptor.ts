import {
  type CallHandler,
  type ExecutionContext,
  HttpException,
  Injectable,
  Logger,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { type Observable, tap } from 'rxjs';
import { remoteAddressOf } from '#libs/http';

/**
 * One line for every change by an admin endpoint that gets past the guard: who, what, and how it ended. The answer of
 * such an endpoint is what holds from then on, so it is the record of the change.
 */
@Injectable()
export class AuditInterceptor implements NestInterceptor {
  private readonly logger = new Logger('Audit');

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<FastifyRequest>();
    const action = { action: context.getHandler().name, remote_address: remoteAddressOf(request) };
    return next.handle().pipe(
      tap({
        next: (result: unknown) => this.logger.log({ ...action, outcome: 'done', result, msg: 'admin action' }),
        error: (error: unknown) => this.logger.warn({ ...action, ...outcomeOf(error), msg: 'admin action' }),
      }),
    );
  }
}

/** The request was at fault, or we were; what failed with us is told by the error line of the request. */
function outcomeOf(error: unknown): { outcome: 'refused' | 'failed'; reason?: string } {
  const refused = error instanceof HttpException && error.getStatus() < 500;
  return refused ? { outcome: 'refused', reason: error.message } : { outcome: 'failed' };
}
