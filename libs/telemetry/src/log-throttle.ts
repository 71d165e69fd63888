import { LOG_INTERVAL_MS } from './telemetry.constants.js';

const MAX_SUBJECTS = 20;

/** Lets a subject be logged once a minute, and few subjects at all: telemetry in trouble must not fill the log. */
export class LogThrottle {
  private readonly loggedAt = new Map<string, number>();

  /** @param now a monotonic clock, in milliseconds */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Whether a line on `subject` may be written now; if so, it counts as written. */
  allows(subject: string): boolean {
    const now = this.now();
    for (const [logged, at] of this.loggedAt) {
      if (now - at >= LOG_INTERVAL_MS) this.loggedAt.delete(logged);
    }
    if (this.loggedAt.has(subject) || this.loggedAt.size >= MAX_SUBJECTS) return false;
    this.loggedAt.set(subject, now);
    return true;
  }
}
