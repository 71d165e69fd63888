import { readFileSync } from 'node:fs';

/** How often a secret's file is looked at for changes, in milliseconds. */
const WATCH_INTERVAL_MS = 2_000;

/**
 * A secret that never prints: its value is behind a method, and every way of turning it into text masks it.
 *
 * A secret given by a `*_FILE` key is read anew each time it is asked for, so a rotated Kubernetes Secret holds
 * at once, whichever way the file was replaced. While the file is gone, empty or holds nonsense, the last good
 * value stays.
 */
export class SecretValue {
  private lastValue: string;

  private constructor(
    value: string,
    /** Path of the file the secret lives in; `undefined` for one from the environment. */
    readonly path: string | undefined,
    private readonly isValid: (value: string) => boolean,
  ) {
    this.lastValue = value;
  }

  static fromEnvironment(value: string): SecretValue {
    return new SecretValue(value, undefined, () => true);
  }

  /**
   * @param isValid what a later content must pass to take the place of the present one
   * @throws Error when the file cannot be read or is empty
   */
  static fromFile(path: string, isValid: (value: string) => boolean = () => true): SecretValue {
    const value = readFileSync(path, 'utf8').trim();
    if (value === '') throw new Error('the file is empty');
    return new SecretValue(value, path, isValid);
  }

  /** The secret as it is now. */
  reveal(): string {
    if (this.path === undefined) return this.lastValue;
    try {
      const value = readFileSync(this.path, 'utf8').trim();
      if (value !== '' && this.isValid(value)) this.lastValue = value;
    } catch {
      // Being replaced at this moment, or taken away: the last value is the best there is.
    }
    return this.lastValue;
  }

  /**
   * Tells when the file's content has become another. Never for a secret from the environment.
   *
   * @returns what ends the watch; it never keeps the process alive.
   */
  onChange(listener: () => void): () => void {
    if (this.path === undefined) return () => undefined;
    let known = this.reveal();
    const look = (): void => {
      const value = this.reveal();
      if (value === known) return;
      known = value;
      listener();
    };
    // Not a watch of the system: it would follow the old file where a link changes over to a new one.
    const timer = setInterval(look, WATCH_INTERVAL_MS).unref();
    return () => clearInterval(timer);
  }

  toString(): string {
    return '********';
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}
