/**
 * Waits until a URL answers with success: `wait-for.mjs URL [JSON]`, by GET, or where there is JSON by POST.
 * Ends with 0, or after a minute with 1 and what was last heard.
 */
import { setTimeout as sleep } from 'node:timers/promises';

const TIMEOUT_MS = 60_000;
const POLL_MS = 250;
const ANSWER_TIMEOUT_MS = 2_000;

const [url, json] = process.argv.slice(2);
const request =
  json === undefined ? {} : { method: 'POST', body: json, headers: { 'content-type': 'application/json' } };
const end = Date.now() + TIMEOUT_MS;
let last = 'nothing';
while (Date.now() < end) {
  try {
    const response = await fetch(url, { ...request, signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
    if (response.ok) process.exit(0);
    last = `status ${response.status}`;
  } catch (error) {
    last = String(error.cause ?? error);
  }
  await sleep(POLL_MS);
}
console.error(`${url} was not ready within ${TIMEOUT_MS / 1000} s: ${last}`);
process.exit(1);
