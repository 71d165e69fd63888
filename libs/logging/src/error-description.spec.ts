import { describe, expect, it } from '@jest/globals';
import { QueryFailedError } from 'typeorm';
import { describeError } from './error-description.js';

/** As `pg` makes it. */
function postgresError(message: string, code: string): Error {
  return Object.assign(new Error(message), {
    code,
    detail: 'Key (email)=(jane@example.com) already exists.',
    where: "unnamed portal parameter $1 = 'jane@example.com'",
  });
}

describe('description of an error', () => {
  it('has its type, message, code and stack', () => {
    class OrderError extends Error {
      readonly code = 'E_ORDER';
    }

    const description = describeError(new OrderError('no such order'));

    expect(description).toEqual({
      type: 'OrderError',
      message: 'no such order',
      code: 'E_ORDER',
      stack: expect.stringMatching(/^Error: no such order\n {4}at /),
    });
  });

  it('of a failed query has neither the query, its parameters nor what the driver tells of the row', () => {
    const driverError = postgresError('duplicate key value violates unique constraint "users_email_key"', '23505');
    const error = new QueryFailedError('INSERT INTO "users" VALUES ($1)', ['jane@example.com'], driverError);

    const description = describeError(error);

    expect(description).toMatchObject({
      type: 'QueryFailedError',
      message: 'duplicate key value violates unique constraint "users_email_key"',
      code: '23505',
    });
    expect(JSON.stringify(description)).not.toMatch(/jane|INSERT/);
  });

  it.each([
    ['22P02', 'invalid input syntax for type bigint: "jane"', 'invalid input syntax for type bigint: [redacted]'],
    ['22003', 'value "4711" is out of range for type integer', 'value [redacted]'],
    [
      '22007',
      'invalid input syntax for type date: "jane\n    at "x""',
      'invalid input syntax for type date: [redacted]',
    ],
    ['22P02', 'ungültige Eingabesyntax für Typ bigint: »jane«', 'ungültige Eingabesyntax für Typ bigint: [redacted]'],
    ['22012', 'division by zero', 'division by zero'],
    ['42P01', 'relation "orders" does not exist', 'relation "orders" does not exist'],
    ['EPIPE', 'write "EPIPE"', 'write "EPIPE"'],
  ])('with the code %s and the message %s says: %s', (code, message, shown) => {
    const description = describeError(new QueryFailedError('SELECT $1', ['jane'], postgresError(message, code)));

    expect(description.message).toBe(shown);
    expect(description.stack?.split('\n    at ')[0]).toBe(`QueryFailedError: ${shown}`);
    expect(description.stack).toMatch(/error-description\.spec/);
  });

  it('of a failed call of another service has no headers', () => {
    const error = Object.assign(new Error('Request failed with status code 401'), {
      code: 'ERR_BAD_REQUEST',
      config: { headers: { 'x-any': 's3cret' }, data: '{"name":"jane"}' },
      response: { data: 'jane' },
    });

    expect(JSON.stringify(describeError(error))).not.toMatch(/s3cret|jane/);
  });

  it('has the causes, described alike', () => {
    const cause = Object.assign(new Error('inner'), { parameters: ['jane'], code: 7 });

    const description = describeError(new Error('outer', { cause }));

    expect(description.cause).toEqual({ type: 'Error', message: 'inner', code: 7, stack: expect.any(String) });
  });

  it('has the errors of an aggregate, and nothing that is none', () => {
    const description = describeError(new AggregateError([new Error('one'), 'jane', new TypeError('two')], 'both'));

    expect(description.aggregateErrors?.map(({ type, message }) => [type, message])).toEqual([
      ['Error', 'one'],
      ['TypeError', 'two'],
    ]);
  });

  it('ends, however long or circular the causes are and however many the errors', () => {
    const circle = new Error('again');
    circle.cause = circle;
    const many = new AggregateError(
      Array.from({ length: 1_000 }, () => circle),
      'many',
    );

    expect(JSON.stringify(describeError(many)).match(/"message"/g)).toHaveLength(10);
  });

  it('of an error without a message or a stack is there nevertheless', () => {
    const bare = new Error('');
    delete bare.stack;
    bare.cause = 'a text';

    expect(describeError(bare)).toEqual({ type: 'Error', message: '' });
  });
});
