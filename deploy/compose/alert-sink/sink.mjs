/**
 * Stands for the pager and for Slack: takes what Alertmanager posts to `/<receiver>`, prints one line an alert, and shows
 * the last of them, `/` to people and `/alerts` to programs: `[{ receiver, receivedAt, payload }]`, oldest first.
 * `sink.mjs [PORT]`, 8080 if there is none.
 */
import { createServer } from 'node:http';

/** How many it shows, and how large they are together at most. */
const KEPT = 500;
const KEPT_BYTES = 8 * 2 ** 20;
const BODY_LIMIT_BYTES = 2 ** 20;
const RECEIVER = /^\/([a-z0-9][a-z0-9-]{0,63})$/;

/** `{ receiver, receivedAt, body }`, the body as it came: bytes lie outside of the heap, and are counted easily. */
const notifications = [];
let keptBytes = 0;

function keep(notification) {
  notifications.push(notification);
  keptBytes += notification.body.length;
  while (notifications.length > KEPT || keptBytes > KEPT_BYTES) keptBytes -= notifications.shift().body.length;
}

/** What a notification says, one entry an alert: Alertmanager's webhook, else what Slack would show. */
function alertsOf({ alerts, attachments, text }) {
  if (Array.isArray(alerts)) {
    return alerts.map(({ status, labels: { alertname, ...labels } = {}, annotations }) => ({
      status,
      name: alertname,
      details: Object.entries(labels).map(([key, value]) => `${key}=${value}`),
      text: annotations?.summary,
    }));
  }
  const messages = Array.isArray(attachments) ? attachments : [{ text }];
  return messages.map((message) => ({ name: message.title, details: [], text: message.text ?? message.fallback }));
}

function linesOf({ receiver, receivedAt, body }) {
  return alertsOf(JSON.parse(body)).map(({ status, name, details, text }) =>
    [receivedAt, receiver, status, name, ...details, text]
      .filter((part) => part !== undefined && part !== '')
      .join(' ')
      .replace(/[\p{Cc}\s]+/gu, ' '),
  );
}

const HTML = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function page() {
  const lines = notifications
    .toReversed()
    .flatMap(linesOf)
    .map((line) => `<li>${line.replace(/[&<>"']/g, (character) => HTML[character])}</li>`);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta http-equiv="refresh" content="5"><title>Alert sink</title>
<h1>What receivers got, newest first</h1>
<ul>${lines.join('\n') || '<li>nothing yet</li>'}</ul>
</html>
`;
}

/** For programs. The bodies are JSON, so they become a part of it as they are. */
function json() {
  const parts = notifications.flatMap(({ receiver, receivedAt, body }, index) => [
    Buffer.from(`${index === 0 ? '' : ','}{"receiver":"${receiver}","receivedAt":"${receivedAt}","payload":`),
    body,
    Buffer.from('}'),
  ]);
  return Buffer.concat([Buffer.from('['), ...parts, Buffer.from(']')]);
}

async function bodyOf(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    // The rest is read too, so that there is somebody to answer.
    if (size <= BODY_LIMIT_BYTES) chunks.push(chunk);
  }
  return size > BODY_LIMIT_BYTES ? undefined : Buffer.concat(chunks);
}

async function receive(receiver, request) {
  const body = await bodyOf(request);
  if (body === undefined) return [413, 'text/plain', 'too large'];
  let payload;
  try {
    payload = JSON.parse(body);
  } catch {
    // Told below.
  }
  if (typeof payload !== 'object' || payload === null) return [400, 'text/plain', 'not a JSON object'];
  const notification = { receiver, receivedAt: new Date().toISOString(), body };
  const lines = linesOf(notification);
  keep(notification);
  for (const line of lines) console.log(line);
  // What Slack answers, and the one word that Alertmanager accepts from it.
  return [200, 'text/plain', 'ok'];
}

async function answer(request) {
  const { pathname } = new URL(request.url, 'http://sink');
  if (request.method === 'GET') {
    // The health check of the image asks for /livez.
    if (pathname === '/livez') return [200, 'text/plain', 'ok'];
    if (pathname === '/') return [200, 'text/html; charset=utf-8', page()];
    if (pathname === '/alerts') return [200, 'application/json', json()];
  }
  const receiver = RECEIVER.exec(pathname)?.[1];
  return request.method === 'POST' && receiver ? receive(receiver, request) : [404, 'text/plain', 'not found'];
}

const server = createServer({ requestTimeout: 10_000 }, async (request, response) => {
  const [status, type, body] = await answer(request).catch((error) => [400, 'text/plain', String(error.message)]);
  response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff' }).end(body);
});
server.listen(Number(process.argv[2] ?? 8080), () => {
  console.log(`port ${server.address().port}: POST /<receiver>; GET / and /alerts show what came`);
});

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => {
    server.close();
    server.closeAllConnections();
  });
}
