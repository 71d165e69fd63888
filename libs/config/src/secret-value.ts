import { readFileSync, statSync } from 'node:fs';

/** How often a secret's file is looked at for changes, in milliseconds. */
const WATCH_INTERVAL_MS = 2_000;
/** Read whenever the secret is asked for: nothing that size is a token or a URL. */
const LARGEST_SECRET_BYTES = 65_536;

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
   * @throws Error when the file cannot be read, is none, or is empty
   */
  static fromFile(path: string, isValid: (value: string) => boolean = () => true): SecretValue {
    return new SecretValue(readSecretFile(path), path, isValid);
  }

  /** The secret as it is now. */
  reveal(): string {
    this.refresh();
    return this.lastValue;
  }

  /** Why the file cannot be used now, so that its last good value holds; `undefined`: it can, or there is none. */
  problem(): string | undefined {
    return this.refresh();
  }

  private refresh(): string | undefined {
    if (this.path === undefined) return undefined;
    try {
      const value = readSecretFile(this.path);
      if (!this.isValid(value)) return 'its content is not valid';
      this.lastValue = value;
      return undefined;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code ?? message;
    }
  }

  /**
   * Tells when the file's content has become another. Never for a secret from the environment.
   *
   * @param onProblem called when the file cannot be used any more, and why
   * @returns what ends the watch; it never keeps the process alive.
   */
  onChange(listener: () => void, onProblem: (problem: string) => void = () => undefined): () => void {
    if (this.path === undefined) return () => undefined;
    let known = this.reveal();
    let problem: string | undefined;
    const look = (): void => {
      const before = problem;
      problem = this.problem();
      if (problem !== undefined && problem !== before) onProblem(problem);
      if (this.lastValue === known) return;
      known = this.lastValue;
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

/** @throws Error for what is not a text of a sensible size in a regular file: reading a pipe would stop the process */
function readSecretFile(path: string): string {
  const stat = statSync(path);
  if (!stat.isFile()) throw new Error('it is no regular file');
  if (stat.size > LARGEST_SECRET_BYTES) throw new Error(`it is larger than ${LARGEST_SECRET_BYTES} bytes`);
  const value = readFileSync(path, 'utf8').trim();
  if (value === '') throw new Error('it is empty');
  return value;
}
