import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import { FlagsService } from '#libs/flags';
import { ManagementRoute } from '#libs/http';
import { ExpositionService } from './exposition.service.js';
import { CONTENT_TYPES, negotiateFormat } from './exposition-format.js';

const TEXT = 'text/plain; charset=utf-8';
const DISABLED = 'metrics disabled';

/** Where Prometheus scrapes. */
@ApiTags('metrics')
@Controller('metrics')
export class MetricsController {
  constructor(
    @InjectAppConfig() private readonly config: AppConfig,
    private readonly flags: FlagsService,
    private readonly exposition: ExpositionService,
  ) {}

  @Get()
  @ManagementRoute({ silent: true })
  @ApiOperation({ summary: 'Metrics of this instance, for Prometheus', operationId: 'metrics' })
  @ApiOkResponse({
    description: 'Prometheus text 0.0.4; OpenMetrics 1.0 with exemplars where `Accept` prefers it.',
    content: {
      'text/plain': { schema: { type: 'string' } },
      'application/openmetrics-text': { schema: { type: 'string' } },
    },
  })
  @ApiNotFoundResponse({
    description: 'The flag `metrics_enabled` is off.',
    content: { 'text/plain': { schema: { type: 'string', enum: [DISABLED] } } },
  })
  async scrape(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    if (!(await this.enabled())) {
      await reply.code(404).header('content-type', TEXT).send(DISABLED);
      return;
    }
    const format = negotiateFormat(request.headers.accept);
    const text = await this.exposition.expose(format);
    await reply.header('content-type', CONTENT_TYPES[format]).header('vary', 'Accept').send(text);
  }

  /** A rule that splits by fraction gives an instance the same answer at every scrape: half a series is none. */
  private enabled(): boolean | Promise<boolean> {
    const targetingKey = this.config.service.instance;
    return this.flags.evaluate('metrics', { targetingKey, route: '/metrics', method: 'GET' });
  }
}
