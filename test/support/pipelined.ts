import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** Sent without waiting for an answer: well below the number that makes the service refuse a pipeline. */
const BATCH = 50;

/**
 * Sends many requests over one connection, pipelined in batches.
 *
 * @param requests method and target of each, `GET /path`
 * @param statusLine what every answer starts with; settles when as many have come
 */
export async function sendPipelined(url: string, requests: readonly string[], statusLine: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('latin1');
  await once(socket, 'connect');
  const answered = answersTo(socket, statusLine);
  for (let sent = 0; sent < requests.length; sent += BATCH) {
    const batch = requests.slice(sent, sent + BATCH).map((line) => `${line} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const answers = answered(batch.length);
    socket.write(batch.join(''));
    await answers;
  }
  socket.destroy();
}

/** Waits until the status line has come so many times more. */
function answersTo(socket: Socket, statusLine: string): (count: number) => Promise<void> {
  let unanswered = 0;
  let rest = '';
  let resolve = (): void => undefined;
  let reject: (error: Error) => void = () => undefined;
  socket.on('data', (chunk) => {
    const parts = `${rest}${String(chunk)}`.split(statusLine);
    rest = parts.at(-1)?.slice(-statusLine.length) ?? '';
    unanswered -= parts.length - 1;
    if (unanswered <= 0) resolve();
  });
  socket.on('close', () => reject(new Error(`the connection closed before ${unanswered} answers`)));
  socket.on('error', (error) => reject(error));
  return async (count) => {
    unanswered += count;
    await new Promise<void>((...settle) => {
      [resolve, reject] = settle;
    });
  };
}
