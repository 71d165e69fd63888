import { describe, expect, it } from '@jest/globals';
import type { Logger } from 'pino';
import type { LoggingConfig } from '#libs/config';
import { RequestContext, runInRequest } from '#libs/http';
import { MemoryLog } from '../../../test/support/memory-log.js';
import { createRootLogger } from './root-logger.js';

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

  it('masks secrets in what it is given, and in the bindings of a child and its own', () => {
    const log = new MemoryLog();

    logTo(log)
      .child({ token: 'hidden' })
      .child({ order: 7, secret: 'hidden' })
      .info({ headers: { Authorization: 'hidden' } });

    expect(log.lines).toMatchObject([
      { token: '[redacted]', order: 7, secret: '[redacted]', headers: { Authorization: '[redacted]' } },
    ]);
  });

  it.each([
    ['with words', (logger: Logger, err: Error) => logger.error({ err }, 'failed'), 'failed'],
    ['with words of its own', (logger: Logger, err: Error) => logger.error({ err, msg: 'failed' }), 'failed'],
    ['without words', (logger: Logger, err: Error) => logger.error({ err }), 'invalid input for [redacted]'],
    ['alone', (logger: Logger, err: Error) => logger.error(err), 'invalid input for [redacted]'],
  ])('tells of an error, logged %s, no value of a user', (_circumstance, logIt, msg) => {
    const log = new MemoryLog();
    const error = Object.assign(new Error('invalid input for "jane@example.com"'), {
      code: '22P02',
      parameters: ['jane@example.com'],
    });

    logIt(logTo(log), error);

    expect(log.lines).toMatchObject([{ msg, err: { type: 'Error', message: 'invalid input for [redacted]' } }]);
    expect(JSON.stringify(log.lines)).not.toContain('jane');
  });
});
