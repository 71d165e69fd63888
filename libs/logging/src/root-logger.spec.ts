import { describe, expect, it } from '@jest/globals';
import type { LoggingConfig } from '#libs/config';
import { RequestContext, runInRequest } from '#libs/http';
import { MemoryLog } from '../../../test/support/memory-log.js';
import { createAccessLogger, createRootLogger } from './root-logger.js';

const service = {
  name: 'orders',
  version: '1.2.3',
  revision: 'abc',
  environment: 'non-prod',
  instance: 'orders-1',
} as const;

function logTo(log: MemoryLog, level: LoggingConfig['level'] = 'info') {
  return createRootLogger(service, { level }, log);
}

describe('root logger', () => {
  it('says on every line which service speaks, at which level and when', () => {
    const log = new MemoryLog();

    logTo(log).warn('attention');

    expect(log.lines).toEqual([
      {
        level: 'warn',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        service: 'orders',
        version: '1.2.3',
        environment: 'non-prod',
        msg: 'attention',
      },
    ]);
  });

  it('leaves out what is below its level', () => {
    const log = new MemoryLog();
    const logger = logTo(log, 'error');

    logger.warn('attention');
    logger.error('help');

    expect(log.lines.map(({ msg }) => msg)).toEqual(['help']);
  });

  it('adds the ids of the request it is called in, and of no other', () => {
    const log = new MemoryLog();
    const logger = logTo(log);
    const context = new RequestContext('id-1', 'GET', '/', false, 0);
    context.traceId = 'trace';
    context.spanId = 'span';

    runInRequest(context, () => logger.info('inside'));
    logger.info('outside');

    expect(log.lines[0]).toMatchObject({ request_id: 'id-1', trace_id: 'trace', span_id: 'span' });
    expect(log.lines[1]).not.toHaveProperty('request_id');
  });

  it.each([
    'authorization',
    'proxy-authorization',
    'cookie',
    'set-cookie',
    'password',
    'secret',
    'token',
    'ADMIN_TOKEN',
    'DATABASE_URL',
  ])('masks the value of %s, at the top and two levels below, also of an error', (key) => {
    const log = new MemoryLog();
    const logger = logTo(log);

    logger.info({ [key]: 'hidden', a: { [key]: 'hidden', b: { [key]: 'hidden' } } });
    logger.error({ err: Object.assign(new Error('failed'), { [key]: 'hidden', config: { [key]: 'hidden' } }) });

    expect(JSON.stringify(log.lines)).not.toContain('hidden');
    expect(JSON.stringify(log.lines).match(/\[redacted\]/g)).toHaveLength(5);
  });

  it('does not change the object it masks', () => {
    const headers = { authorization: 'Bearer abc' };

    logTo(new MemoryLog()).info({ headers });

    expect(headers.authorization).toBe('Bearer abc');
  });
});

describe('access logger', () => {
  it('writes what it is given, and the service', () => {
    const log = new MemoryLog();

    createAccessLogger(service, { level: 'info' }, log).info({ status: 200 }, 'request');

    expect(log.lines).toEqual([
      expect.objectContaining({ level: 'info', service: 'orders', status: 200, msg: 'request' }),
    ]);
  });
});
