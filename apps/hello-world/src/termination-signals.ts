/** The signals that ask a process to end. */
export type TerminationSignal = 'SIGINT' | 'SIGTERM';

/**
 * Hears the signals from the first moment of the process: as PID 1 it would otherwise never learn of one that comes
 * while it starts. What a signal does changes as the start goes on.
 */
export class TerminationSignals {
  private handler: (signal: TerminationSignal) => void = () => process.exit(0);

  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => this.handler(signal));
  }

  /** From here on a signal does this instead. */
  handle(handler: (signal: TerminationSignal) => void): void {
    this.handler = handler;
  }
}
