import { Controller, Get, Logger, Module, Post, Query } from '@nestjs/common';
import { injectTraceContext } from '#libs/telemetry';

/** Handlers that a trace shows something of: parameters, errors, log lines, outbound requests. */
@Controller('traced')
class TracedController {
  private readonly logger = new Logger('Traced');

  @Get('orders/:id')
  order(): string {
    return 'an order';
  }

  @Post('orders')
  create(): string {
    return 'created';
  }

  @Get('failing')
  fail(): never {
    throw new Error('a defect');
  }

  @Get('logging')
  async log(): Promise<string> {
    await Promise.resolve();
    this.logger.log('looking around');
    return 'logged';
  }

  @Get('never')
  async never(): Promise<never> {
    this.logger.log('waiting for the client to go away');
    return new Promise<never>(() => undefined);
  }

  @Get('relay')
  async relay(@Query('to') url: string): Promise<string> {
    await fetch(url, { headers: injectTraceContext({}) });
    return 'relayed';
  }
}

@Module({ controllers: [TracedController] })
export class TracedModule {}
