import { type DynamicModule, Module } from '@nestjs/common';
import type { DatabaseConfig } from '#libs/config';
import { DatabaseConnection } from './database-connection.js';
import { NoDatabase } from './no-database.service.js';

/**
 * The database, for every module. TypeORM and `pg` are a quarter of all modules of the service, so they are loaded only
 * where there is a `DATABASE_URL`.
 */
@Module({})
export class DatabaseModule {
  static async forRoot({ url }: DatabaseConfig): Promise<DynamicModule> {
    const common = { module: DatabaseModule, global: true };
    if (url === undefined) {
      const providers = [{ provide: DatabaseConnection, useClass: NoDatabase }];
      return { ...common, providers, exports: [DatabaseConnection] };
    }
    const { PostgresModule } = await import('./postgres.module.js');
    return { ...common, imports: [PostgresModule], exports: [PostgresModule] };
  }
}
