import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 10;

/** Waits until `holds` returns true. For states that announce themselves by no event. */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error(`Waited ${timeoutMs} ms in vain: ${what}`);
    await sleep(POLL_MS);
  }
}
