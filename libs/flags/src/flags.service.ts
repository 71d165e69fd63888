import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { EvaluationContext } from '@openfeature/server-sdk';
import { type AppConfig, type FlagDefaults, InjectAppConfig } from '#libs/config';
import { FlagCache } from './flag-cache.service.js';
import { FLAG_NAMES, type FlagName } from './flags.constants.js';
import { ProviderConnection } from './provider-connection.service.js';
import type { ProviderState } from './provider-state.js';

/** Longest the start of the service waits for flagd. */
const START_WAIT_MS = 1_000;

/** Flags an administrator has set, in this process only. */
export type FlagOverrides = Readonly<Partial<Record<FlagName, boolean>>>;

/** Value of a flag in force, and where it comes from. */
export interface EffectiveFlag {
  readonly value: boolean;
  readonly source: 'override' | 'flagd' | 'default';
  /** `OVERRIDE`, else a resolution reason or an error code of OpenFeature; `TIMEOUT` when flagd gave none in time. */
  readonly reason: string;
}

/** What changed a flag: an administrator set it, cleared it, or flagd gives it another value. */
export interface FlagChange {
  readonly flag: FlagName;
  readonly action: 'override' | 'reset' | 'flagd';
}

/**
 * The flags: an administrator's override, else what flagd says through OpenFeature, else the environment's default.
 *
 * A flag that is not targeted costs a request neither a promise nor a wait, and flagd's failures cost it nothing.
 */
@Injectable()
export class FlagsService implements OnModuleInit, OnApplicationShutdown {
  readonly #listeners = new Set<(change: FlagChange) => void>();
  #overrides: FlagOverrides = Object.freeze({});

  constructor(
    @InjectAppConfig() private readonly config: AppConfig,
    private readonly cache: FlagCache,
    private readonly connection: ProviderConnection,
  ) {}

  /** Gives flagd a moment to answer, so that the first requests get its flags; a later answer is taken up as well. */
  async onModuleInit(): Promise<void> {
    this.cache.onChange((flag) => this.#tell({ flag, action: 'flagd' }));
    let refreshed: Promise<void> = Promise.resolve();
    const started = this.connection
      .start(() => {
        refreshed = this.cache.refresh();
      })
      .then(() => refreshed);
    const waited = new AbortController();
    await Promise.race([started, sleep(START_WAIT_MS, undefined, { signal: waited.signal }).catch(() => undefined)]);
    waited.abort();
  }

  onApplicationShutdown(): void {
    this.cache.stop();
    this.connection.stop();
  }

  /**
   * Value of a flag for one request. Never throws or rejects.
   *
   * @param context what rules may refer to: a `targetingKey` for fractions, `route`, `method`
   * @returns a promise only when the flag is targeted: it takes at most the deadline of flagd
   */
  evaluate(flag: FlagName, context: EvaluationContext = {}): boolean | Promise<boolean> {
    return this.#overrides[flag] ?? this.cache.evaluate(flag, context);
  }

  /** Value of a flag for every request; `undefined` while it is targeted, and each request has to be evaluated. */
  valueForAll(flag: FlagName): boolean | undefined {
    return this.#overrides[flag] ?? this.cache.valueForAll(flag);
  }

  /** Values where there is no request, for a gauge; a targeted flag is evaluated as for `GET /`. */
  snapshot(): Readonly<Record<FlagName, boolean>> {
    return byFlag((flag) => this.#overrides[flag] ?? this.cache.current(flag));
  }

  /**
   * Each flag with its source and reason, for people.
   *
   * @param context as for {@link evaluate}
   */
  async effective(context: EvaluationContext = {}): Promise<Readonly<Record<FlagName, EffectiveFlag>>> {
    const flags = await Promise.all(FLAG_NAMES.map((flag) => this.#explain(flag, context)));
    return byFlag((_flag, index) => flags[index] as EffectiveFlag);
  }

  /** The environment's defaults. */
  defaults(): FlagDefaults {
    return this.config.flags.defaults;
  }

  /** The overrides in force. */
  overrides(): FlagOverrides {
    return this.#overrides;
  }

  /**
   * Sets overrides, all at once; a flag that is not named keeps what it has.
   *
   * @returns the overrides now in force
   */
  setOverrides(changes: FlagOverrides): FlagOverrides {
    const before = this.#overrides;
    const named = FLAG_NAMES.filter((flag) => changes[flag] !== undefined);
    this.#overrides = Object.freeze({ ...before, ...Object.fromEntries(named.map((flag) => [flag, changes[flag]])) });
    for (const flag of named) if (changes[flag] !== before[flag]) this.#tell({ flag, action: 'override' });
    return this.#overrides;
  }

  /** Clears every override. */
  resetOverrides(): FlagOverrides {
    const before = this.#overrides;
    this.#overrides = Object.freeze({});
    for (const flag of FLAG_NAMES) if (before[flag] !== undefined) this.#tell({ flag, action: 'reset' });
    return this.#overrides;
  }

  providerState(): ProviderState {
    return this.connection.state;
  }

  /**
   * Calls `listener` after each change, synchronously: the new value is in force already.
   *
   * @returns ends the subscription
   */
  onChange(listener: (change: FlagChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #explain(flag: FlagName, context: EvaluationContext): Promise<EffectiveFlag> {
    const override = this.#overrides[flag];
    if (override !== undefined) return { value: override, source: 'override', reason: 'OVERRIDE' };
    return this.cache.explain(flag, context);
  }

  #tell(change: FlagChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function byFlag<T>(valueOf: (flag: FlagName, index: number) => T): Readonly<Record<FlagName, T>> {
  return Object.fromEntries(FLAG_NAMES.map((flag, index) => [flag, valueOf(flag, index)])) as Record<FlagName, T>;
}
