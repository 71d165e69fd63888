/** What readiness asks: the label of `readiness_check` and the key in the verbose answer. */
export type ReadinessCheckName = 'database' | 'migrations' | 'drain';

/** One question of readiness. */
export interface ReadinessCheck {
  readonly name: ReadinessCheckName;
  /**
   * @throws Error whose message is the reason for not being ready, fit for a client's eyes
   */
  check(): Promise<void> | void;
}
