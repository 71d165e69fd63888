import type { Provider } from '@openfeature/server-sdk';

/** Makes the providers that OpenFeature asks. */
export interface ProviderSource {
  /** For the log: what is asked and where, `flagd (rpc, localhost:8013)`. */
  readonly description: string;
  /** Flags are evaluated inside this process: no request ever waits for a network, and a lost connection hurts no evaluation. */
  readonly local: boolean;
  /**
   * A provider, not yet initialised. Its `initialize` may be called more than once, for one and the same outcome.
   *
   * @param attempt 1 for the first; counts the attempts since a provider last worked
   */
  create(attempt: number): Provider;
}
