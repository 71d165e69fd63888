import type { Logger } from '@nestjs/common';

/** Warns of a lasting state: at once when it begins or changes, then at most once an interval. */
export class RepeatedWarning {
  private subject: string | undefined;
  private warnedAt = 0;

  constructor(
    private readonly logger: Pick<Logger, 'warn'>,
    private readonly intervalMs: number,
  ) {}

  /** @param subject what makes two warnings the same, whatever else their messages say. */
  warn(subject: string, message: string): void {
    const now = performance.now();
    if (subject === this.subject && now - this.warnedAt < this.intervalMs) return;
    this.subject = subject;
    this.warnedAt = now;
    this.logger.warn(message);
  }

  /** The state is over: the next warning is a first one again. */
  clear(): void {
    this.subject = undefined;
  }
}
