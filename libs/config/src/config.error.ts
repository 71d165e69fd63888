/** One bad key, and what its value must be. Never the value. */
export interface ConfigProblem {
  readonly key: string;
  readonly problem: string;
}

/** `EX_CONFIG` of sysexits.h: the exit code for a configuration that cannot work. */
export const EXIT_CODE_BAD_CONFIG = 78;

/** The environment does not make a configuration. Names every bad key at once, and no value. */
export class ConfigError extends Error {
  constructor(readonly problems: readonly ConfigProblem[]) {
    super(`configuration is invalid: ${problems.map(({ key, problem }) => `${key} ${problem}`).join('; ')}`);
    this.name = 'ConfigError';
  }
}
