import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { TerminationSignals } from './termination-signals.js';

describe('termination signals', () => {
  const before = { SIGINT: process.listeners('SIGINT'), SIGTERM: process.listeners('SIGTERM') };

  afterEach(() => {
    jest.restoreAllMocks();
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      for (const listener of process.listeners(signal))
        if (!before[signal].includes(listener)) process.off(signal, listener);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends a process that has hardly begun', (signal) => {
    const exit = jest.spyOn(process, 'exit').mockReturnValue(undefined as never);
    const signals = new TerminationSignals();

    process.emit(signal);

    expect(signals).toBeDefined();
    expect(exit.mock.calls).toEqual([[0]]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s does what was said last, and nothing else', (signal) => {
    const exit = jest.spyOn(process, 'exit').mockReturnValue(undefined as never);
    const [first, last] = [jest.fn(), jest.fn()];
    const signals = new TerminationSignals();
    signals.handle(first);
    signals.handle(last);

    process.emit(signal);

    expect(last.mock.calls).toEqual([[signal]]);
    expect(first).not.toHaveBeenCalled();
    expect(exit).not.toHaveBeenCalled();
  });
});
