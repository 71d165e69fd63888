import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { pino } from 'pino';
import { MemoryLog } from '../../../test/support/memory-log.js';
import { endOnCrash } from './crash-log.js';

type Listener = (...args: unknown[]) => void;

describe('endOnCrash', () => {
  const before = { uncaughtException: [] as Listener[], unhandledRejection: [] as Listener[] };
  const events = ['uncaughtException', 'unhandledRejection'] as const;

  /** The listeners it added, to be called here: a real crash would end the tests. */
  function install(log: MemoryLog, exit: (code: number) => void): Record<(typeof events)[number], Listener> {
    for (const event of events) before[event] = process.listeners(event) as Listener[];
    endOnCrash(pino({ formatters: { level: (level) => ({ level }) } }, log), exit);
    const added = (event: (typeof events)[number]): Listener => process.listeners(event).at(-1) as Listener;
    return { uncaughtException: added('uncaughtException'), unhandledRejection: added('unhandledRejection') };
  }

  afterEach(() => {
    for (const event of events)
      for (const listener of process.listeners(event) as Listener[])
        if (!before[event].includes(listener)) process.off(event, listener);
  });

  it('logs an uncaught error with its stack and exits with 1', () => {
    const log = new MemoryLog();
    const exit = jest.fn();

    install(log, exit).uncaughtException(new Error('unexpected'), 'uncaughtException');

    expect(log.lines).toEqual([
      expect.objectContaining({
        level: 'fatal',
        origin: 'uncaughtException',
        err: expect.objectContaining({ message: 'unexpected', stack: expect.any(String) }),
      }),
    ]);
    expect(exit.mock.calls).toEqual([[1]]);
  });

  it.each([[new Error('unexpected')], ['a text'], [undefined], [null], [{ code: 7 }]])(
    'logs a rejection by %p and exits with 1',
    (reason) => {
      const log = new MemoryLog();
      const exit = jest.fn();

      install(log, exit).unhandledRejection(reason);

      expect(log.lines).toEqual([expect.objectContaining({ level: 'fatal', origin: 'unhandledRejection' })]);
      expect(exit.mock.calls).toEqual([[1]]);
    },
  );

  it('tells the first of several errors only', () => {
    const log = new MemoryLog();
    const exit = jest.fn();
    const { uncaughtException } = install(log, exit);

    uncaughtException(new Error('first'), 'uncaughtException');
    uncaughtException(new Error('second'), 'uncaughtException');

    expect(log.lines).toHaveLength(1);
    expect(exit).toHaveBeenCalledTimes(1);
  });
});
