import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';

const POLL_MS = 250;
const TIMEOUT_MS = 100_000;

/** Waits for what takes a scrape or two: asks four times a second, so that asking is not the load. */
export async function soon(what: string, holds: () => Promise<boolean>): Promise<void> {
  await eventually(
    what,
    async () => {
      // A service that was just killed answers nothing at all.
      if (await holds().catch(() => false)) return true;
      await sleep(POLL_MS);
      return false;
    },
    TIMEOUT_MS,
  );
}

/** The status of the answer to a GET. */
export async function statusOf(url: string): Promise<number> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  await response.arrayBuffer();
  return response.status;
}

/** What a GET answers, from JSON. */
export async function jsonOf<T>(url: string): Promise<T> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
  return (await response.json()) as T;
}
