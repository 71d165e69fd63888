const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;

/**
 * How long to wait before the next attempt: doubling, at most 5 s, and a random half of it, so that the instances of a
 * service do not all come back to a restarted server in the same moment.
 *
 * @param failures how many attempts have failed in a row, from 1.
 * @param random from 0 to 1.
 * @returns milliseconds
 */
export function backOffMs(failures: number, random: number = Math.random()): number {
  const delay = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 20));
  return delay * (0.5 + random / 2);
}
