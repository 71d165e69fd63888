import type { FlagDefinitions } from './flag-definitions.js';

/** What our own server and flagd's container have in common. */
export interface FlagdUnderTest {
  readonly evaluationPort: number;
  readonly syncPort: number;
  /** Changes the flags of the running flagd. */
  setFlags(flags: FlagDefinitions): void | Promise<void>;
  /** Accepts calls, and answers none until `answer`. */
  behave(behaviour: 'hang' | 'answer'): void | Promise<void>;
  /** Ends flagd at once; every connection breaks. */
  stop(): void | Promise<void>;
  /** Starts it again on the same ports. */
  restart(flags?: FlagDefinitions): Promise<void>;
}
