import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import {
  type Client,
  ErrorCode,
  type EvaluationContext,
  type EvaluationDetails,
  type EventDetails,
  NOOP_PROVIDER,
  OpenFeature,
  type Logger as OpenFeatureLogger,
  type Provider,
  ProviderEvents,
} from '@openfeature/server-sdk';
import { InjectFlagProviderSource } from './flags.constants.js';
import type { ProviderSource } from './provider-source.js';
import type { ProviderState } from './provider-state.js';

const RETRY_FIRST_MS = 1_000;
const RETRY_MOST_MS = 5_000;

/** The first application of a process serves OpenFeature's default clients, which handlers inject; tests may have more. */
const DEFAULT_DOMAIN = undefined;
let defaultDomainTaken = false;

const nothing = (): void => undefined;

/**
 * Keeps a working flag provider in OpenFeature's registry.
 *
 * A provider is put there once it is initialised. The provider itself mends short breaks of its connection
 * (STALE, then READY); after one that gets to ERROR a new provider takes its place as soon as one comes up, while
 * the old one goes on trying. Each change of state is logged once, by what it means for the flags.
 */
@Injectable()
export class ProviderConnection {
  readonly #logger = new Logger(ProviderConnection.name);
  readonly #handlers: readonly [ProviderEvents, (details?: EventDetails) => void][] = [
    [ProviderEvents.Ready, () => this.#onReady()],
    [ProviderEvents.Stale, () => this.#onStale()],
    [ProviderEvents.Error, (details) => this.#onError(details)],
    [ProviderEvents.ConfigurationChanged, () => this.#bound && this.#onInvalidated()],
  ];
  #state: ProviderState;
  #domain: string | undefined;
  /** There between start and stop. */
  #client: Client | undefined;
  #ended = false;
  #bound: Provider | undefined;
  #attempts: AbortController | undefined;
  #lastFailure: string | undefined;
  #onInvalidated: () => void = nothing;

  constructor(@InjectFlagProviderSource() private readonly source: ProviderSource | null) {
    this.#state = source === null ? 'not_configured' : 'not_ready';
  }

  get state(): ProviderState {
    return this.#state;
  }

  /** Whether an evaluation has a chance to be answered now. One that needs the network has none while the connection is lost. */
  get answers(): boolean {
    return this.#state === 'ready' || (this.#bound !== undefined && this.source?.local === true);
  }

  /**
   * Asks the provider for one flag.
   *
   * @throws before {@link start} and after {@link stop}; a failure of the provider is told by the result
   */
  async evaluate(key: string, fallback: boolean, context: EvaluationContext): Promise<EvaluationDetails<boolean>> {
    if (this.#client === undefined) throw new Error('there is no connection to a flag provider');
    return this.#client.getBooleanDetails(key, fallback, context);
  }

  /**
   * Connects, by as many attempts as it takes.
   *
   * @param onInvalidated called whenever results known so far may no longer hold
   * @returns settles with the outcome of the first attempt, good or bad
   */
  async start(onInvalidated: () => void): Promise<void> {
    if (this.source === null || this.#ended) return;
    this.#onInvalidated = onInvalidated;
    this.#domain = defaultDomainTaken ? `flags-${randomUUID()}` : DEFAULT_DOMAIN;
    defaultDomainTaken = true;
    const client = this.#domain === DEFAULT_DOMAIN ? OpenFeature.getClient() : OpenFeature.getClient(this.#domain);
    client.setLogger(this.#clientLogger());
    for (const [event, handler] of this.#handlers) client.addHandler(event, handler);
    this.#client = client;
    await this.#connect(this.source);
  }

  /** Lets go of the provider at once; how it ends its connections is not waited for, so it cannot hold the exit. */
  stop(): void {
    this.#ended = true;
    this.#attempts?.abort();
    const client = this.#client;
    if (client === undefined) return;
    this.#client = undefined;
    for (const [event, handler] of this.#handlers) client.removeHandler(event, handler);
    if (this.#bound !== undefined) this.#release();
    this.#bound = undefined;
    if (this.#domain === DEFAULT_DOMAIN) defaultDomainTaken = false;
  }

  async #connect(source: ProviderSource): Promise<void> {
    this.#attempts?.abort();
    this.#attempts = new AbortController();
    await this.#try(source, 1, this.#attempts.signal);
  }

  /** Settles with this attempt; where it fails, the next one follows by itself. Never rejects. */
  async #try(source: ProviderSource, attempt: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    let candidate: Provider | undefined;
    try {
      candidate = source.create(attempt);
      await untilAborted(candidate.initialize?.(), signal);
      // It may have got ready in the very moment in which nobody wanted it any more; bound, it would outlive us.
      signal.throwIfAborted();
      await this.#bind(candidate);
      return;
    } catch (error) {
      close(candidate);
      if (signal.aborted || !this.#mayTryAgain(error)) return;
    }
    const pauseMs = Math.min(RETRY_FIRST_MS * 2 ** (attempt - 1), RETRY_MOST_MS);
    void sleep(pauseMs, undefined, { ref: false, signal }).then(() => this.#try(source, attempt + 1, signal), nothing);
  }

  /** OpenFeature closes the provider that was there before. */
  async #bind(provider: Provider): Promise<void> {
    this.#bound = provider;
    if (this.#domain === DEFAULT_DOMAIN) await OpenFeature.setProviderAndWait(provider);
    else await OpenFeature.setProviderAndWait(this.#domain, provider);
  }

  #release(): void {
    try {
      if (this.#domain === DEFAULT_DOMAIN) OpenFeature.setProvider(NOOP_PROVIDER);
      else OpenFeature.setProvider(this.#domain, NOOP_PROVIDER);
    } catch (error) {
      this.#logger.debug(`A flag provider failed to close: ${reasonOf(error)}`);
    }
  }

  #onReady(): void {
    if (this.#bound === undefined) return;
    const before = this.#state;
    this.#state = 'ready';
    this.#lastFailure = undefined;
    this.#attempts?.abort();
    if (before === 'stale') this.#logger.debug(`${this.source?.description} is connected again`);
    else if (before !== 'ready') this.#logger.log(`${this.source?.description} is ready: its flags hold`);
    this.#onInvalidated();
  }

  /** Normal as such: flagd's streams are renewed every ten minutes. */
  #onStale(): void {
    if (this.#bound === undefined || this.#state !== 'ready') return;
    this.#state = 'stale';
    this.#logger.debug(`${this.source?.description} lost its connection and connects again; ${this.#whatHolds()}`);
  }

  #onError(details: EventDetails | undefined): void {
    if (this.#bound === undefined || this.source === null || this.#state === 'error') return;
    this.#state = 'error';
    this.#logger.warn(
      `${this.source.description} cannot be reached (${details?.message ?? 'no reason given'}); ` +
        `${this.#whatHolds()}, a new connection is tried at least every 5 s`,
    );
    void this.#connect(this.source);
  }

  /** Tells of a failed attempt, unless it is the same story as last time. */
  #mayTryAgain(error: unknown): boolean {
    const reason = reasonOf(error);
    if ((error as { code?: unknown } | undefined)?.code === ErrorCode.PROVIDER_FATAL) {
      this.#state = 'fatal';
      this.#logger.error(`${this.source?.description} refused for good (${reason}); not asked again before a restart`);
      return false;
    }
    if (this.#state !== 'error' || (this.#bound === undefined && reason !== this.#lastFailure))
      this.#logger.warn(
        `${this.source?.description} cannot be used (${reason}); ${this.#whatHolds()}, tried again at least every 5 s`,
      );
    this.#state = 'error';
    this.#lastFailure = reason;
    return true;
  }

  /** What requests get while there is no connection, in words: the rule itself is the cache's. */
  #whatHolds(): string {
    if (this.#bound === undefined) return 'the defaults of the environment hold';
    if (this.source?.local === true) return 'the flags it gave last hold, targeting included';
    return 'static flags keep their last known value, targeted ones get their default';
  }

  /** What OpenFeature and a provider say of single evaluations; the cache tells what matters of it. */
  #clientLogger(): OpenFeatureLogger {
    const debug = (message: unknown): void => this.#logger.debug(message);
    return { debug: nothing, info: nothing, warn: debug, error: debug };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

function close(provider: Provider | undefined): void {
  try {
    provider?.onClose?.().catch(nothing);
  } catch {
    // A provider that cannot even close is left to the garbage collector.
  }
}

/** Settles like `work`, but rejects as soon as `signal` is aborted. */
function untilAborted(work: Promise<void> | undefined, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    void Promise.resolve(work)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort));
  });
}
