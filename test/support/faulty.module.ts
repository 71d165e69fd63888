import { setTimeout as delay } from 'node:timers/promises';
import {
  Body,
  Controller,
  ForbiddenException,
  Get,
  HttpException,
  Logger,
  Module,
  Param,
  Post,
  Query,
  Req,
  Res,
  UnprocessableEntityException,
} from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { ManagementRoute } from '#libs/http';

/** What an error of the inside may contain and no client may see. */
export const SECRET_OF_THE_INSIDE = 'connection to db-7.internal failed for user hello_rw';

/** Handlers that a good service does not have: slow ones, failing ones, and such as talk too much. */
@Controller('faulty')
class FaultyController {
  private readonly logger = new Logger('Faulty');

  @Get('error')
  fail(): never {
    throw new Error(SECRET_OF_THE_INSIDE);
  }

  @Get('error/:kind')
  throwKind(@Param('kind') kind: string): never {
    switch (kind) {
      case 'text':
        throw new HttpException('plain words', 409);
      case 'object':
        throw new HttpException({ message: 'words in an object', secret: SECRET_OF_THE_INSIDE }, 409);
      case 'list':
        throw new UnprocessableEntityException(['one thing', 'another thing']);
      case 'default':
        throw new ForbiddenException();
      case 'server':
        throw new HttpException(SECRET_OF_THE_INSIDE, 502);
      case 'status':
        throw Object.assign(new Error('I am a teapot'), { statusCode: 418 });
      default:
        // Careless code throws anything; whoever catches it must not fail over it.
        throw kind === 'undefined' ? undefined : { [kind]: SECRET_OF_THE_INSIDE };
    }
  }

  @Get('slow')
  async slow(@Query('ms') ms: string): Promise<string> {
    this.logger.log('handler reached');
    await delay(Number(ms));
    this.logger.log('handler finished');
    return 'slow';
  }

  @Get('large')
  large(@Query('bytes') bytes: string): string {
    return 'x'.repeat(Number(bytes));
  }

  @Get('stuck')
  async stuck(): Promise<never> {
    this.logger.log('handler reached');
    return new Promise(() => undefined);
  }

  @Get('half-written')
  halfWritten(@Res() reply: FastifyReply): void {
    void reply.hijack();
    reply.raw.writeHead(200, { 'content-length': 1_000 });
    reply.raw.write('the beginning', () => this.logger.log('handler reached'));
  }

  @Get('streamed')
  async streamed(@Query('ms') ms: string, @Res() reply: FastifyReply): Promise<void> {
    void reply.hijack();
    reply.raw.writeHead(200, { 'content-length': 9 });
    reply.raw.write('the ', () => this.logger.log('handler reached'));
    await delay(Number(ms));
    reply.raw.end('whole');
  }

  @Get('talkative')
  talk(@Req() { headers }: FastifyRequest): string {
    this.logger.log({ msg: 'what came', headers, nested: { password: 'p4ss', deep: { token: 't0ken' } } });
    return 'said';
  }

  @Get('log-later')
  logLater(): string {
    setTimeout(() => this.logger.log('later, still of this request'), 1);
    return 'later';
  }

  @Post('echo')
  echo(@Body() body: unknown): unknown {
    return body ?? null;
  }

  @Get('things/:id')
  thing(@Param('id') id: string): string {
    return id;
  }

  @Post('things/:id')
  changeThing(@Param('id') id: string): string {
    return id;
  }

  @Get('quiet')
  @ManagementRoute({ silent: true })
  quiet(): string {
    return 'quiet';
  }

  @Get('platform')
  @ManagementRoute()
  platform(): string {
    return 'platform';
  }

  @Get('crash')
  crash(): string {
    setImmediate(() => {
      this.logger.log('last line before the crash');
      throw new Error('nobody catches this');
    });
    return 'crashing';
  }

  @Get('rejection')
  reject(@Query('reason') reason: string | undefined): string {
    this.logger.log('last line before the crash');
    void Promise.reject(reason === 'none' ? undefined : new Error('nobody awaits this'));
    return 'crashing';
  }
}

/** A module that only tests bring into the application. */
@Module({ controllers: [FaultyController] })
export class FaultyModule {}
