import { Controller, Get, Header } from '@nestjs/common';

@Controller()
export class HelloController {
  @Get()
  @Header('content-type', 'text/plain; charset=utf-8')
  greet(): string {
    return 'hello world';
  }
}
