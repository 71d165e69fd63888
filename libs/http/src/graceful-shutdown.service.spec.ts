import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { DrainState } from './drain-state.service.js';
import { GracefulShutdown } from './graceful-shutdown.service.js';

/** How the process ends here: with a code, which a test can await. */
function exitOnce(): { exit: (code: number) => void; code: Promise<number>; codes: number[] } {
  const codes: number[] = [];
  let exit: (code: number) => void = () => undefined;
  const code = new Promise<number>((resolve) => {
    exit = (value) => {
      codes.push(value);
      resolve(value);
    };
  });
  return { exit, code, codes };
}

const appThat = (close: () => Promise<void>): never => ({ close }) as never;
const never = (): Promise<void> => new Promise(() => undefined);

describe('graceful shutdown', () => {
  beforeEach(() => {
    Logger.overrideLogger(false);
  });

  it('drains at once, closes after the drain time, exits with 0', async () => {
    const { exit, code } = exitOnce();
    const drain = new DrainState();
    const close = jest.fn(async () => undefined);
    const since = performance.now();

    new GracefulShutdown(drain).onSignal('SIGTERM', appThat(close), { drainMs: 50, timeoutMs: 10_000 }, exit);

    expect(drain.draining).toBe(true);
    expect(close).not.toHaveBeenCalled();
    expect(await code).toBe(0);
    expect(performance.now() - since).toBeGreaterThan(45);
    expect(close).toHaveBeenCalledTimes(1);
  });

  it('exits with 1 when closing fails', async () => {
    const { exit, code } = exitOnce();
    const app = appThat(() => Promise.reject(new Error('a hook failed')));

    new GracefulShutdown(new DrainState()).onSignal('SIGINT', app, { drainMs: 0, timeoutMs: 10_000 }, exit);

    expect(await code).toBe(1);
  });

  it('exits with 1 at the deadline when closing never ends', async () => {
    const { exit, code } = exitOnce();
    // The deadline alone keeps no process.
    const process = setTimeout(() => undefined, 10_000);

    new GracefulShutdown(new DrainState()).onSignal('SIGTERM', appThat(never), { drainMs: 0, timeoutMs: 30 }, exit);

    expect(await code).toBe(1);
    clearTimeout(process);
  });

  it.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('a second signal, %s, exits now with %i, and closes nothing again', (second, code) => {
    const { exit, codes } = exitOnce();
    const close = jest.fn(never);
    const shutdown = new GracefulShutdown(new DrainState());
    const config = { drainMs: 0, timeoutMs: 10_000 };

    shutdown.onSignal('SIGTERM', appThat(close), config, exit);
    shutdown.onSignal(second, appThat(close), config, exit);

    expect(codes).toEqual([code]);
    expect(close.mock.calls.length).toBeLessThan(2);
  });
});
