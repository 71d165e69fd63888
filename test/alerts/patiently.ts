import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 500;

/** Waits until something holds, like `eventually`, but asks rarely: what is asked here shares the machine with the rest. */
export async function patiently(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`waited ${Math.round(timeoutMs / 1_000)} s in vain: ${what}`);
    await sleep(POLL_MS);
  }
}
