/**
 * Stands for the pager and for Slack: takes what Alertmanager posts to `/<receiver>`, prints one line an alert, and shows
 * the last of them, `/` to people and `/alerts` to programs: `[{ receiver, receivedAt, payload }]`, oldest first.
 * `sink.mjs [PORT]`, 8080 if there is none.
 */
import { createServer } from 'node:http';

const KEPT = 500;
const BODY_LIMIT_BYTES = 1_048_576;
const RECEIVER = /^\/([a-z0-9][a-z0-9-]{0,63})$/;

const notifications = [];

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

function linesOf({ receiver, receivedAt, payload }) {
  return alertsOf(payload).map(({ status, name, details, text }) =>
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

async function bodyOf(request) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    // The rest is read too, so that there is somebody to answer.
    if (size <= BODY_LIMIT_BYTES) chunks.push(chunk);
  }
  return size > BODY_LIMIT_BYTES ? undefined : Buffer.concat(chunks).toString();
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
  const notification = { receiver, receivedAt: new Date().toISOString(), payload };
  notifications.push(notification);
  notifications.splice(0, notifications.length - KEPT);
  for (const line of linesOf(notification)) console.log(line);
  // What Slack answers, and the one word that Alertmanager accepts from it.
  return [200, 'text/plain', 'ok'];
}

async function answer(request) {
  const { pathname } = new URL(request.url, 'http://sink');
  if (request.method === 'GET') {
    // The health check of the image asks for /livez.
    if (pathname === '/healthz' || pathname === '/livez') return [200, 'text/plain', 'ok'];
    if (pathname === '/') return [200, 'text/html; charset=utf-8', page()];
    if (pathname === '/alerts') return [200, 'application/json', JSON.stringify(notifications)];
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
