import { Controller, Get, Header } from '@nestjs/common';

const GREETING = 'hello world';

/** The endpoint that all the rest is built around. */
@Controller()
export class HelloController {
  @Get()
  @Header('content-type', 'text/plain; charset=utf-8')
  greet(): string {
    return GREETING;
  }
}
