import { describe, expect, it } from '@jest/globals';
import { pino } from 'pino';
import { MemoryLog } from '../../../test/support/memory-log.js';
import { NestLogger } from './nest-logger.js';

describe('NestLogger', () => {
  it.each([
    ['InstanceLoader', 20],
    ['RouterExplorer', 20],
    ['NestApplication', 20],
    ['Orders', 30],
  ])('writes what %s says at level %i', (context, level) => {
    const log = new MemoryLog();

    new NestLogger(pino({ level: 'debug' }, log)).log('something happened', context);

    expect(log.lines).toEqual([expect.objectContaining({ level, context, msg: 'something happened' })]);
  });
});
