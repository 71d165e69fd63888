export const DAY_MS = 86_400_000;

/** As 2026-12-31, which sorts as time does. */
export function dateOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}
