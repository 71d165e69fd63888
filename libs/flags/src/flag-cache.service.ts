import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import {
  ErrorCode,
  type EvaluationContext,
  type EvaluationDetails,
  StandardResolutionReasons,
} from '@openfeature/server-sdk';
import { type AppConfig, InjectAppConfig } from '#libs/config';
import { FLAG_NAMES, FLAGS, type FlagName } from './flags.constants.js';
import { ProviderConnection } from './provider-connection.service.js';

/** Longest a re-evaluation may take; nobody waits for it. */
const REFRESH_TIMEOUT_MS = 1_000;
const RETRY_FIRST_MS = 250;
const RETRY_MOST_MS = 5_000;
/** With so many questions past their deadline and not answered the provider hangs: requests get the default at once. */
const MOST_OVERDUE = 64;
/** A question counts as overdue no longer than this, so that a provider that lost some is asked again. */
const FORGET_OVERDUE_MS = 30_000;
const FLAG_NOT_FOUND: string = ErrorCode.FLAG_NOT_FOUND;
/** An ordinary request, to learn whether a flag is targeted, and its value where there is no request. */
const NO_REQUEST: EvaluationContext = Object.freeze({ targetingKey: 'no-request', route: '/', method: 'GET' });

/** What the provider last said of a flag. */
type Known =
  /** Nothing usable so far: the default holds. */
  | { readonly kind: 'unknown'; readonly reason: string }
  /** One value for every request. */
  | { readonly kind: 'static'; readonly value: boolean }
  /** FLAG_NOT_FOUND or DISABLED: the default holds. */
  | { readonly kind: 'absent'; readonly reason: string }
  /** To be evaluated for each request; `value` is that of {@link NO_REQUEST}. */
  | { readonly kind: 'targeted'; readonly value: boolean };

/** One answer of the provider; `failed` says nothing about the flag. */
type Answer =
  | { readonly kind: 'static' | 'targeted'; readonly value: boolean; readonly reason: string }
  | { readonly kind: 'absent'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

const TIMED_OUT: Answer = Object.freeze({ kind: 'failed', reason: 'TIMEOUT' });

/** The value depends on the request: the provider has to be asked. */
const ASK = Symbol('ASK');

/** Value of a flag for one context, and where it comes from. */
export interface CachedFlag {
  readonly value: boolean;
  readonly source: 'flagd' | 'default';
  /** A resolution reason or an error code of OpenFeature. */
  readonly reason: string;
}

/**
 * Keeps what the provider said of each flag, so that a request does not ask again.
 *
 * A result with the reason STATIC, and FLAG_NOT_FOUND and DISABLED likewise, is kept until {@link refresh}, and
 * stays in use until the new answer is there. Whether a flag is targeted is learnt by the same evaluation; only
 * then is the provider asked on the way of a request.
 */
@Injectable()
export class FlagCache {
  readonly #logger = new Logger(FlagCache.name);
  readonly #known = {} as Record<FlagName, Known>;
  readonly #stopped = new AbortController();
  readonly #deadlineMs: number;
  /** Grows with each refresh: an answer to an older question is thrown away. */
  #generation = 0;
  #overdue = 0;
  #onChange: (flag: FlagName) => void = () => undefined;

  constructor(
    @InjectAppConfig() private readonly config: AppConfig,
    private readonly connection: ProviderConnection,
  ) {
    this.#deadlineMs = config.flags.flagd?.deadlineMs ?? 0;
    const reason =
      connection.state === 'not_configured' ? StandardResolutionReasons.DEFAULT : ErrorCode.PROVIDER_NOT_READY;
    for (const flag of FLAG_NAMES) this.#known[flag] = { kind: 'unknown', reason };
  }

  /** @param listener called after flagd changed what a flag is for requests */
  onChange(listener: (flag: FlagName) => void): void {
    this.#onChange = listener;
  }

  /** Value for every request, at no cost; `undefined` while the provider has to be asked for each. */
  valueForAll(flag: FlagName): boolean | undefined {
    const known = this.#known[flag];
    if (known.kind === 'static') return known.value;
    const decision = this.#decide(flag);
    return decision === ASK ? undefined : decision.value;
  }

  /** Value for one request: at once unless the flag is targeted, then after at most the deadline. Never rejects. */
  evaluate(flag: FlagName, context: EvaluationContext): boolean | Promise<boolean> {
    return this.valueForAll(flag) ?? this.#askFor(flag, context).then(({ value }) => value);
  }

  /** Like {@link evaluate}, with the reason. */
  async explain(flag: FlagName, context: EvaluationContext): Promise<CachedFlag> {
    const decision = this.#decide(flag);
    return decision === ASK ? this.#askFor(flag, context) : decision;
  }

  /** Value where there is no request, without asking: of a targeted flag what {@link NO_REQUEST} last got. */
  current(flag: FlagName): boolean {
    const decision = this.#decide(flag);
    if (decision !== ASK) return decision.value;
    const known = this.#known[flag];
    // A provider that leaves a question unanswered would leave this one, too.
    return 'value' in known && this.#overdue === 0 ? known.value : this.config.flags.defaults[flag];
  }

  /** Asks the provider for every flag anew. Settles with the first answers; a failed question is asked again later. */
  async refresh(): Promise<void> {
    const generation = ++this.#generation;
    await Promise.all(FLAG_NAMES.map((flag) => this.#refresh(flag, generation, 1)));
  }

  stop(): void {
    this.#generation++;
    this.#stopped.abort();
  }

  /** What holds for a flag, and why: for requests, for people and for the gauge alike. */
  #decide(flag: FlagName): CachedFlag | typeof ASK {
    const known = this.#known[flag];
    const { PROVIDER_NOT_READY } = ErrorCode;
    const { STATIC, STALE } = StandardResolutionReasons;
    switch (known.kind) {
      case 'static':
        return { value: known.value, source: 'flagd', reason: this.connection.state === 'ready' ? STATIC : STALE };
      case 'targeted':
        if (!this.connection.answers) return this.#byDefault(flag, PROVIDER_NOT_READY);
        return this.#overdue >= MOST_OVERDUE ? this.#byDefault(flag, TIMED_OUT.reason) : ASK;
      case 'absent':
      case 'unknown':
        return this.#byDefault(flag, known.reason);
    }
  }

  async #askFor(flag: FlagName, context: EvaluationContext): Promise<CachedFlag> {
    const answer = await this.#ask(flag, context, this.#deadlineMs);
    if (!('value' in answer)) return this.#byDefault(flag, answer.reason);
    return { value: answer.value, source: 'flagd', reason: answer.reason };
  }

  #byDefault(flag: FlagName, reason: string): CachedFlag {
    return { value: this.config.flags.defaults[flag], source: 'default', reason };
  }

  async #refresh(flag: FlagName, generation: number, attempt: number): Promise<void> {
    // Once the connection is back there will be a refresh of its own.
    const outdated = (): boolean => generation !== this.#generation || !this.connection.answers;
    if (outdated()) return;
    const answer = await this.#ask(flag, NO_REQUEST, REFRESH_TIMEOUT_MS);
    if (outdated()) return;

    if (answer.kind === 'failed') {
      if (attempt === 1) this.#tellFailure(flag, answer.reason);
      const pauseMs = Math.min(RETRY_FIRST_MS * 2 ** (attempt - 1), RETRY_MOST_MS);
      void this.#pause(pauseMs).then(() => this.#refresh(flag, generation, attempt + 1));
    } else if (attempt === 1 && this.#isDoubtful(flag, answer)) {
      void this.#pause(this.#deadlineMs).then(() => this.#refresh(flag, generation, attempt + 1));
    } else {
      this.#learn(flag, answer);
    }
  }

  /**
   * Whether an answer may be a lost connection in disguise: flagd's provider reports gRPC's UNAVAILABLE as
   * FLAG_NOT_FOUND. A flag that was there a moment ago is therefore asked for twice.
   *
   * It does so since flagd answered UNAVAILABLE for a disabled flag, which flagd gave up long ago
   * (https://github.com/open-feature/flagd/pull/670); no issue of the provider names it as of 0.16.1. This may go, with
   * its tests, once the provider reports UNAVAILABLE by another error code.
   */
  #isDoubtful(flag: FlagName, answer: Answer): boolean {
    return answer.reason === FLAG_NOT_FOUND && 'value' in this.#known[flag];
  }

  #learn(flag: FlagName, answer: Exclude<Answer, { kind: 'failed' }>): void {
    const before = this.#describe(flag);
    if ('value' in answer) this.#known[flag] = { kind: answer.kind, value: answer.value };
    else this.#known[flag] = { kind: 'absent', reason: answer.reason };
    const after = this.#describe(flag);
    if (before === after) return;
    this.#logger.log(`${FLAGS[flag]} changed by flagd: ${before} → ${after} (${answer.reason})`);
    this.#onChange(flag);
  }

  /** What requests get, in a word. */
  #describe(flag: FlagName): string {
    return this.#known[flag].kind === 'targeted' ? 'by request' : String(this.current(flag));
  }

  #tellFailure(flag: FlagName, reason: string): void {
    const known = this.#known[flag];
    if (known.kind === 'unknown') this.#known[flag] = { kind: 'unknown', reason };
    const holds =
      known.kind === 'static'
        ? `its last known value ${known.value}`
        : `its default ${this.config.flags.defaults[flag]}`;
    this.#logger.warn(`${FLAGS[flag]} cannot be evaluated (${reason}); ${holds} holds, asked again at least every 5 s`);
  }

  /** Asks the provider. Never rejects; without an answer in time the outcome is `failed`. */
  #ask(flag: FlagName, context: EvaluationContext, timeoutMs: number): Promise<Answer> {
    return new Promise((resolve) => {
      let overdue = false;
      const settle = (answer: Answer): void => {
        clearTimeout(timer);
        if (overdue) this.#overdue--;
        overdue = false;
        resolve(answer);
      };
      let timer = setTimeout(() => {
        overdue = true;
        this.#overdue++;
        resolve(TIMED_OUT);
        // The question itself cannot be taken back: the library gives its calls no deadline.
        timer = setTimeout(settle, FORGET_OVERDUE_MS, TIMED_OUT).unref();
      }, timeoutMs).unref();
      void this.#details(flag, context).then(settle);
    });
  }

  async #details(flag: FlagName, context: EvaluationContext): Promise<Answer> {
    try {
      return classify(await this.connection.evaluate(FLAGS[flag], this.config.flags.defaults[flag], context));
    } catch (error) {
      return { kind: 'failed', reason: String(error) };
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { ref: false, signal: this.#stopped.signal }).catch(() => undefined);
  }
}

function classify({ value, reason, errorCode }: EvaluationDetails<boolean>): Answer {
  const { DISABLED, ERROR, STATIC, UNKNOWN } = StandardResolutionReasons;
  if (errorCode === ErrorCode.FLAG_NOT_FOUND) return { kind: 'absent', reason: errorCode };
  if (errorCode !== undefined || reason === ERROR) return { kind: 'failed', reason: errorCode ?? ErrorCode.GENERAL };
  if (reason === DISABLED) return { kind: 'absent', reason };
  if (typeof value !== 'boolean') return { kind: 'failed', reason: ErrorCode.TYPE_MISMATCH };
  return { kind: reason === STATIC ? 'static' : 'targeted', value, reason: reason ?? UNKNOWN };
}
