import { Controller, Get, Header, Query, Req, Res } from '@nestjs/common';
import {
  ApiOkResponse,
  ApiOperation,
  ApiProduces,
  ApiQuery,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ManagementRoute } from '#libs/http';
import { ReadinessService } from './readiness.service.js';

const TEXT = 'text/plain; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';

/** Probes of Kubernetes. */
@ApiTags('probes')
@Controller()
export class HealthController {
  constructor(private readonly readiness: ReadinessService) {}

  /** Looks at nothing outside the process, and at no state inside: a restart mends neither a database nor a drain. */
  @Get('livez')
  @ManagementRoute({ silent: true })
  @Header('content-type', TEXT)
  @ApiOperation({ summary: 'Whether the process is alive', operationId: 'livez' })
  @ApiProduces('text/plain')
  @ApiOkResponse({ description: 'Alive.', content: { 'text/plain': { schema: { type: 'string', enum: ['alive'] } } } })
  livez(): string {
    return 'alive';
  }

  @Get('readyz')
  @ManagementRoute({ silent: true })
  @ApiOperation({ summary: 'Whether this instance wants traffic', operationId: 'readyz' })
  @ApiQuery({
    name: 'verbose',
    required: false,
    description: 'Present: the answer is JSON, per check; so it is for `Accept: application/json`.',
    schema: { type: 'string' },
  })
  @ApiOkResponse({ description: 'Ready.', content: readinessContent(['ready']) })
  @ApiServiceUnavailableResponse({ description: 'Not ready, and why.', content: readinessContent() })
  async readyz(
    @Query('verbose') verbose: string | undefined,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { ready, summary, details } = await this.readiness.evaluate();
    reply.code(ready ? 200 : 503);
    const wantsJson = verbose !== undefined || request.headers.accept?.includes('application/json') === true;
    if (wantsJson) await reply.header('content-type', JSON_TYPE).send(JSON.stringify(details));
    else await reply.header('content-type', TEXT).send(summary);
  }
}

function readinessContent(texts?: string[]) {
  return {
    'text/plain': { schema: { type: 'string' as const, ...(texts ? { enum: texts } : {}) } },
    'application/json': {
      schema: {
        type: 'object' as const,
        required: ['status', 'info', 'error', 'details'],
        properties: {
          status: { type: 'string' as const, enum: ['ok', 'degraded', 'error', 'shutting_down'] },
          info: { type: 'object' as const, additionalProperties: true },
          error: { type: 'object' as const, additionalProperties: true },
          details: { type: 'object' as const, additionalProperties: true },
        },
      },
    },
  };
}
