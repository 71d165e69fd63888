import { Controller, Get, Module, NotFoundException, Param } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { User } from '#libs/database/entities';

/** Reads `users` inside a request, by TypeORM's repository, as a service would. */
@Controller('users')
class UsersController {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  @Get('by-email/:email')
  async byEmail(@Param('email') email: string): Promise<User> {
    return this.find({ email });
  }

  /** Hands the id on unchecked, so that Postgres complains of one that is no number. */
  @Get(':id')
  async byId(@Param('id') id: string): Promise<User> {
    return this.find({ id });
  }

  private async find(criteria: { id: string } | { email: string }): Promise<User> {
    const user = await this.dataSource.getRepository(User).findOneBy(criteria);
    if (user === null) throw new NotFoundException();
    return user;
  }
}

/** Needs the application to have a database. */
@Module({ controllers: [UsersController] })
export class UsersModule {}
