import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';

const GREETING = 'hello world';

/** The endpoint that all the rest is built around. */
@ApiTags('hello')
@Controller()
export class HelloController {
  @Get()
  @Header('content-type', 'text/plain; charset=utf-8')
  @ApiOperation({ summary: 'Greet the world', operationId: 'greet' })
  @ApiOkResponse({
    description: 'The greeting.',
    content: { 'text/plain': { schema: { type: 'string', enum: [GREETING] } } },
  })
  greet(): string {
    return GREETING;
  }
}
