import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const BATCH = 1_000;

/**
 * Sends many requests over one connection without waiting for the answer to each.
 *
 * @param requests method and target of each, `GET /path`
 * @param statusLine what every answer starts with; settles when as many have come
 */
export async function sendPipelined(url: string, requests: readonly string[], statusLine: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('latin1');
  const answered = occurrences(socket, statusLine, requests.length);
  for (let sent = 0; sent < requests.length; sent += BATCH) {
    const batch = requests.slice(sent, sent + BATCH).map((line) => `${line} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    if (!socket.write(batch.join(''))) await once(socket, 'drain');
  }
  await answered;
}

/** Reads until `text` has come `expected` times, then closes the connection. */
async function occurrences(socket: Socket, text: string, expected: number): Promise<void> {
  let count = 0;
  let rest = '';
  for await (const chunk of socket) {
    const parts = `${rest}${String(chunk)}`.split(text);
    rest = parts.at(-1)?.slice(-text.length) ?? '';
    count += parts.length - 1;
    if (count === expected) return;
  }
  throw new Error(`the connection ended after ${count} of ${expected} answers`);
}
