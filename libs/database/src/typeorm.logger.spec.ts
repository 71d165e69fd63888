import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { TypeOrmLogger } from './typeorm.logger.js';

afterEach(() => {
  jest.restoreAllMocks();
});

describe('TypeOrmLogger', () => {
  it('sends progress and warnings to the log of the application, and no query or parameter', () => {
    const log = jest.spyOn(Logger.prototype, 'log').mockReturnValue();
    const warn = jest.spyOn(Logger.prototype, 'warn').mockReturnValue();
    const logger = new TypeOrmLogger();

    logger.logSchemaBuild('2 migrations are new');
    logger.logMigration('Migration failed');
    logger.log('warn', 'careful');
    logger.logQuery('SELECT 1', ['secret']);
    logger.logQueryError('no', 'SELECT 1', ['secret']);

    expect(log.mock.calls).toEqual([['2 migrations are new'], ['Migration failed']]);
    expect(warn.mock.calls).toEqual([['careful']]);
  });
});
