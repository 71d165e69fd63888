// Runs in a pod of the service's own image, or outside of the cluster. Sends requests at a fixed rate, however fast they
// are answered (an open model: a server that stalls is not spared), every second one on a new connection, until SIGTERM;
// then writes one line of JSON. A request that was sent and not answered with 2xx has failed, whatever the reason. Counts
// from the first answer on: a Service that is new, and policies that do not know this pod yet, take a moment.
import http from 'node:http';
import https from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';

// oxlint-disable-next-line node/no-process-env -- not a part of the service
const { URL: target, RATE = '50', RUN = 'load', TIMEOUT_MS = '15000', CONNECT_TO } = process.env;

const { protocol, hostname, host } = new URL(target);
const { Agent, get } = protocol === 'https:' ? https : http;
/** The address and port that are connected to in place of the URL's. */
const [address, port] = CONNECT_TO?.split(':') ?? [];
const elsewhere = address === undefined ? {} : { hostname: address, port, servername: hostname };
const keptAlive = new Agent({ keepAlive: true, maxSockets: 64 });
const latencies = [];
/** Ids of requests that were answered with 2xx. */
const answered = [];
const failures = [];
let sent = 0;
let open = 0;

while (!(await isAnswered())) await delay(200);

const startedAt = performance.now();
const timer = setInterval(() => {
  // As many as are due by now: a timer that fires late loses none.
  while (sent < ((performance.now() - startedAt) / 1_000) * Number(RATE)) send(++sent);
}, 5);

function send(number) {
  const id = `${RUN}-${number}`;
  const began = performance.now();
  const at = new Date().toISOString();
  open++;
  let ended = false;
  const end = (failure) => {
    if (ended) return;
    ended = true;
    open--;
    if (failure === undefined) {
      answered.push(number);
      latencies.push(performance.now() - began);
    } else {
      failures.push({ id, at, afterMs: Math.round(performance.now() - began), failure });
    }
    if (timer.hasRef?.() === false && open === 0) report();
  };
  const request = get(
    target,
    {
      ...elsewhere,
      agent: number % 2 === 0 ? keptAlive : false,
      headers: { host, 'x-request-id': id, traceparent: `00-${traceId(number)}-00000000000000ff-01` },
      timeout: Number(TIMEOUT_MS),
    },
    (response) => {
      response.resume();
      response.once('end', () => end(response.statusCode < 300 ? undefined : `status ${response.statusCode}`));
      response.once('error', (error) => end(`${error.code ?? error.message} in the answer`));
    },
  );
  request.once('timeout', () => request.destroy(new Error('no answer in time')));
  request.once('error', (error) => end(`${error.code ?? error.message}${request.reusedSocket ? ', kept alive' : ''}`));
}

function isAnswered() {
  return new Promise((resolve) => {
    const headers = { host, 'x-request-id': `${RUN}-0` };
    const request = get(target, { ...elsewhere, agent: false, headers, timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode < 300);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
    request.once('close', () => resolve(false));
  });
}

/** The same for the same run and number, so that the test knows it. */
function traceId(number) {
  return Buffer.from(RUN.padEnd(8, '.').slice(-8)).toString('hex') + number.toString(16).padStart(16, '0');
}

function report() {
  latencies.sort((one, other) => one - other);
  const quantile = (share) => Math.round((latencies[Math.floor(latencies.length * share)] ?? 0) * 10) / 10;
  console.log(
    JSON.stringify({
      sent,
      answered: answered.length,
      failed: failures.length,
      failures: failures.slice(0, 20),
      seconds: Math.round((performance.now() - startedAt) / 1_000),
      p50Ms: quantile(0.5),
      p99Ms: quantile(0.99),
      maxMs: quantile(0.99999),
    }),
  );
  process.exit(0);
}

process.once('SIGTERM', () => {
  clearInterval(timer);
  timer.unref();
  if (open === 0) report();
});
console.log('started');
