import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { APP_CONFIG, type AppConfig } from '#libs/config';
import { type PostgresDataSourceOptions, serviceDataSourceOptions } from './database.options.js';
import { DatabaseConnection } from './database-connection.js';
import { PostgresConnection } from './postgres-connection.service.js';
import { PostgresDataSource } from './postgres-data-source.js';
import { TypeOrmLogger } from './typeorm.logger.js';

/** Postgres through TypeORM. Nest waits for no connection: `PostgresConnection` makes it in the background. */
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [APP_CONFIG],
      useFactory: ({ database, service }: AppConfig) => ({
        ...serviceDataSourceOptions(database, service.name),
        logger: new TypeOrmLogger(),
        manualInitialization: true,
      }),
      dataSourceFactory: (options) => Promise.resolve(new PostgresDataSource(options as PostgresDataSourceOptions)),
    }),
  ],
  providers: [{ provide: DatabaseConnection, useClass: PostgresConnection }],
  exports: [DatabaseConnection],
})
export class PostgresModule {}
