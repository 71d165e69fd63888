import { loadConfig } from '#libs/config';
import { migrationDataSourceOptions } from './database.options.js';
import { MigrationDataSource } from './migration-data-source.js';

const { database, service } = loadConfig();
if (database.url === undefined) throw new Error('DATABASE_URL is not set: there is no database to migrate');

/** For the TypeORM CLI, which wants one default export: `typeorm migration:run -d dist/libs/database/src/data-source.js`. */
export default new MigrationDataSource(migrationDataSourceOptions(database, service.name));
