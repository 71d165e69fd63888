import { createHash, timingSafeEqual } from 'node:crypto';
import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  HttpException,
  Injectable,
  Logger,
  NotFoundException,
  UnauthorizedException,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import { isForeignRequest, isLocalHost } from './request-origin.js';

/** Methods that change nothing (RFC 9110, section 9.2.1). */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);
const BEARER = /^Bearer +(\S+) *$/i;

/**
 * Who may use `/admin/*`: nobody unless the environment turns it on; then whoever has the token; without a token
 * only requests that name this machine as their host, so that no web page reaches it through a visitor's browser
 * (DNS rebinding). Requests that a foreign page made are refused in either case.
 */
@Injectable()
export class AdminGuard implements CanActivate {
  private readonly logger = new Logger('Audit');

  constructor(@InjectAppConfig() private readonly config: AppConfig) {}

  canActivate(context: ExecutionContext): boolean {
    const http = context.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    if (!this.config.admin.enabled) throw new NotFoundException();
    try {
      this.requireAccess(request, http.getResponse<FastifyReply>());
      return true;
    } catch (error) {
      const reason = error instanceof HttpException ? error.message : undefined;
      this.logger.warn({ action: context.getHandler().name, outcome: 'refused', reason, msg: 'admin action' });
      throw error;
    }
  }

  private requireAccess(request: FastifyRequest, reply: FastifyReply): void {
    if (this.config.admin.token === undefined) this.requireLocalHost(request);
    else this.requireToken(this.config.admin.token.reveal(), request, reply);
    if (!SAFE_METHODS.has(request.method) && isForeignRequest(request.headers))
      throw new ForbiddenException('requests from another site are refused');
  }

  private requireToken(token: string, request: FastifyRequest, reply: FastifyReply): void {
    const given = BEARER.exec(request.headers.authorization ?? '')?.[1];
    if (given !== undefined && areEqual(given, token)) return;
    reply.header('www-authenticate', 'Bearer');
    throw new UnauthorizedException('the header Authorization must carry the bearer token of this service');
  }

  private requireLocalHost(request: FastifyRequest): void {
    if (isLocalHost(request.headers.host, this.config.service.name)) return;
    throw new ForbiddenException(
      'without ADMIN_TOKEN the Host must be localhost, a loopback address or the service name',
    );
  }
}

/** Compares in a time that tells nothing of either text, its length included. */
function areEqual(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
