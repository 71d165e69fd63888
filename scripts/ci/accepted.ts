import { DAY_MS, dateOf } from '../calendar-date.ts';

/** Something that a scan finds and that is accepted for a while, in whichever file. */
export interface Accepted {
  /** The advisory, vulnerability or check. */
  readonly what: string;
  readonly reason: unknown;
  /** The last day, as 2026-12-31. */
  readonly until: unknown;
}

const LONGEST_DAYS = 180;

/** Why it does not count on a day: without a reason, or with a last day that is none, is over or is too far ahead. */
export function whyNotAccepted({ what, reason, until }: Accepted, today: string): string | undefined {
  const furthest = dateOf(Date.parse(today) + LONGEST_DAYS * DAY_MS);
  if (typeof reason !== 'string' || reason.trim() === '') return `the exception for ${what} gives no reason`;
  if (typeof until !== 'string' || !isDate(until)) return `the exception for ${what} has no last day, YYYY-MM-DD`;
  if (until < today) return `the exception for ${what} ended on ${until}`;
  if (until > furthest) {
    return `the exception for ${what} ends on ${until}, more than ${LONGEST_DAYS} days ahead: ${furthest} at the latest`;
  }
  return undefined;
}

function isDate(text: string): boolean {
  const time = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(time) && dateOf(time) === text;
}
