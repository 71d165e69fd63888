import {
  type EvaluationContext,
  OpenFeatureEventEmitter,
  type Provider,
  ProviderEvents,
  type ResolutionDetails,
} from '@openfeature/server-sdk';

/** What the provider says of a flag; a function may throw, wait, or answer nonsense. */
export type Answer = ResolutionDetails<boolean> | ((context: EvaluationContext) => unknown);

export const isStatic = (value: boolean): Answer => ({ value, reason: 'STATIC', variant: String(value) });
export const isDisabled: Answer = { value: false, reason: 'DISABLED' };
export const isUnknown: Answer = { value: false, reason: 'ERROR', errorCode: 'FLAG_NOT_FOUND' as never };
export const isTargeted = (rule: (context: EvaluationContext) => boolean): Answer => {
  return (context) => ({ value: rule(context), reason: 'TARGETING_MATCH', variant: 'some' });
};
export const neverAnswers: Answer = () => new Promise(() => undefined);

/** A flag provider that does as it is told, and counts what it is asked. */
export class FakeFlagProvider implements Provider {
  readonly metadata = { name: 'fake' };
  readonly runsOn = 'server';
  readonly events = new OpenFeatureEventEmitter();
  readonly evaluations: string[] = [];
  closed = 0;

  constructor(
    public flags: Record<string, Answer> = {},
    private readonly initialisation: () => Promise<void> = () => Promise.resolve(),
  ) {}

  initialize(): Promise<void> {
    return this.initialisation();
  }

  onClose(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }

  /** Changes flags and says so. */
  change(flags: Record<string, Answer>): void {
    this.flags = { ...this.flags, ...flags };
    this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: Object.keys(flags) });
  }

  async resolveBooleanEvaluation(
    key: string,
    _defaultValue: boolean,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<boolean>> {
    this.evaluations.push(key);
    const answer = this.flags[key] ?? isUnknown;
    return (typeof answer === 'function' ? await answer(context) : answer) as ResolutionDetails<boolean>;
  }

  resolveStringEvaluation(): never {
    throw new Error('not a boolean');
  }

  resolveNumberEvaluation(): never {
    throw new Error('not a boolean');
  }

  resolveObjectEvaluation(): never {
    throw new Error('not a boolean');
  }
}
