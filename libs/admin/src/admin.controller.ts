import { Body, Controller, Get, HttpCode, Post, Query, Req, UseGuards, UseInterceptors } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import { FlagsService } from '#libs/flags';
import { ManagementRoute } from '#libs/http';
import { RequestMetricsInterceptor } from '#libs/metrics';
import { ApiFlagQueries, FLAG_VALUES_SCHEMA } from './admin.decorators.js';
import { AdminGuard } from './admin.guard.js';
import { AuditInterceptor } from './audit.interceptor.js';
import { parseFlagChanges } from './flag-changes.js';
import { FlagsStateDto } from './flags-state.dto.js';
import { OpenApiDocument } from './openapi.document.js';
import { OverridesDto } from './overrides.dto.js';

/** Flags at run time, for this one process. */
@ApiTags('admin')
@ApiBearerAuth()
@Controller('admin')
@UseGuards(AdminGuard)
@UseInterceptors(RequestMetricsInterceptor)
export class AdminController {
  constructor(
    @InjectAppConfig() private readonly config: AppConfig,
    private readonly flags: FlagsService,
    private readonly openApi: OpenApiDocument,
  ) {}

  @Get('flags')
  @ManagementRoute()
  @ApiOperation({ summary: 'Flags: defaults, overrides, and what holds', operationId: 'getFlags' })
  @ApiOkResponse({ type: FlagsStateDto, description: 'What holds in this process.' })
  async getFlags(@Req() request: FastifyRequest): Promise<FlagsStateDto> {
    const context = { targetingKey: request.id, route: '/admin/flags', method: request.method };
    return {
      defaults: this.flags.defaults(),
      overrides: this.flags.overrides(),
      effective: await this.flags.effective(context),
      instance: this.config.service.instance,
    };
  }

  @Post('flags')
  @HttpCode(200)
  @ManagementRoute()
  @UseInterceptors(AuditInterceptor)
  @ApiOperation({ summary: 'Override flags, by body, query or both', operationId: 'setFlags' })
  @ApiBody({ required: false, schema: FLAG_VALUES_SCHEMA })
  @ApiFlagQueries()
  @ApiOkResponse({ type: OverridesDto, description: 'The overrides in force from now on.' })
  setFlags(
    @Body() body: unknown,
    @Query() query: Record<string, unknown>,
    @Req() { bodyText }: FastifyRequest,
  ): OverridesDto {
    return { overrides: this.flags.setOverrides(parseFlagChanges({ body, bodyText, query })) };
  }

  @Post('flags/reset')
  @HttpCode(200)
  @ManagementRoute()
  @UseInterceptors(AuditInterceptor)
  @ApiOperation({ summary: 'Clear all overrides', operationId: 'resetFlags' })
  @ApiOkResponse({ type: OverridesDto, description: 'The overrides in force from now on.' })
  resetFlags(): OverridesDto {
    return { overrides: this.flags.resetOverrides() };
  }

  @Get('openapi.json')
  @ManagementRoute()
  @ApiOperation({ summary: 'This description', operationId: 'getOpenApi' })
  @ApiOkResponse({ description: 'OpenAPI 3.1.', schema: { type: 'object', additionalProperties: true } })
  getOpenApi(): object {
    return this.openApi.get();
  }
}
