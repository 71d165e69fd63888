/** A flag as flagd's schema has it. */
export interface FlagDefinition {
  readonly state: 'ENABLED' | 'DISABLED';
  readonly variants: Readonly<Record<string, unknown>>;
  readonly defaultVariant: string;
  readonly targeting?: object;
}

export type FlagDefinitions = Readonly<Record<string, FlagDefinition>>;

export function booleanFlag(defaultVariant: 'on' | 'off', targeting?: object): FlagDefinition {
  const flag = { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant } as const;
  return targeting === undefined ? flag : { ...flag, targeting };
}

/** On where the context's `key` is `value`, else off. */
export function onWhere(key: string, value: string): FlagDefinition {
  return booleanFlag('off', { if: [{ '==': [{ var: key }, value] }, 'on'] });
}

/** The text of a flags file, as flagd and its in-process provider read it. */
export function flagsFile(flags: FlagDefinitions): string {
  return JSON.stringify({ $schema: 'https://flagd.dev/schema/v0/flags.json', flags }, undefined, 2);
}
