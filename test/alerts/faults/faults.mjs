/**
 * Faults for the shipped image: loaded by `NODE_OPTIONS=--import=…/faults.mjs`, told what to do by the JSON file that
 * `FAULTS_FILE` names, which it reads again whenever it changes. Without that file, or with `{}`, it does nothing.
 *
 * | key             | fault                                                                                     |
 * | --------------- | ----------------------------------------------------------------------------------------- |
 * | `slowMs`        | the handler of `GET /` takes this much longer, in `slowShare` of its calls (all)          |
 * | `failingStatus` | the handler of `GET /` answers with this status, in `failingShare` of its calls (all)     |
 * | `blockMs`       | the event loop is blocked for this long, again and again                                  |
 * | `memoryShare`   | so much is kept in memory that it is this share of the limit                              |
 * | `failingScrape` | a metric cannot be collected                                                              |
 * | `holdPool`      | handlers take every connection to the database and give none back, others wait for one   |
 */
import { subscribe } from 'node:diagnostics_channel';
import { readFileSync, watchFile } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const POLL_MS = 100;
/** Between two blocks, so that a scrape still gets through. */
const PAUSE_BETWEEN_BLOCKS_MS = 50;
const MEMORY_STEP_BYTES = 1024 * 1024;
const WAITING_CALLERS = 3;

// oxlint-disable-next-line node/no-process-env -- a key of the suite, not of the service
const file = process.env.FAULTS_FILE;
const main = process.argv[1] ?? '';

let faults = {};

/** The health check of the image, the migrations and the like inherit NODE_OPTIONS; they are not to be disturbed. */
if (file !== undefined && main.endsWith('/main.js')) {
  const fromApp = createRequire(main);
  disturbHandler();
  const appliers = [blockEventLoop(), holdMemory(), breakScrape(fromApp), holdPool(fromApp)];
  const apply = () => {
    faults = read(file);
    process.stderr.write(`${JSON.stringify({ msg: 'faults', faults })}\n`);
    for (const applyTo of appliers) applyTo();
  };
  // By polling: events of a file system do not pass every kind of mount.
  watchFile(file, { interval: POLL_MS, persistent: false }, apply);
  apply();
}

function read(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return {}; // None is there.
  }
}

/** As the last hook before the handler, so that the whole pipeline of a request sees what it would see of a bad one. */
function disturbHandler() {
  let calls = 0;
  // Evenly spread: of a share of 0.25 it is every fourth call.
  const isOneOf = (share = 1) => Math.floor(calls * share) > Math.floor((calls - 1) * share);
  subscribe('fastify.initialization', ({ fastify }) => {
    fastify.addHook('preHandler', async (request) => {
      if (request.routeOptions.url !== '/') return;
      calls += 1;
      const { slowMs, slowShare, failingStatus, failingShare } = faults;
      const fails = failingStatus !== undefined && isOneOf(failingShare);
      if (slowMs !== undefined && isOneOf(slowShare)) await sleep(slowMs);
      if (fails) throw Object.assign(new Error('injected fault'), { statusCode: failingStatus });
    });
  });
}

function blockEventLoop() {
  let timer;
  const block = () => {
    const end = performance.now() + faults.blockMs;
    while (performance.now() < end);
    timer = setTimeout(block, PAUSE_BETWEEN_BLOCKS_MS).unref();
  };
  return () => {
    clearTimeout(timer);
    if (faults.blockMs > 0) block();
  };
}

function holdMemory() {
  let held = [];
  setInterval(() => {
    const { memoryShare = 0 } = faults;
    if (memoryShare === 0) return;
    if (anonymousBytes() < memoryShare * process.constrainedMemory()) {
      held.push(Buffer.alloc(MEMORY_STEP_BYTES, 1));
    }
  }, POLL_MS / 2).unref();
  return () => {
    if (faults.memoryShare > 0 || held.length === 0) return;
    held = [];
    setFlagsFromString('--expose-gc');
    runInNewContext('gc')();
  };
}

/** Without the pages of files, which the kernel takes back before it kills anybody; see proc_pid_status(5). */
function anonymousBytes() {
  return 1_024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

function breakScrape(fromApp) {
  const name = 'injected_fault';
  return () => {
    const { Gauge, register } = fromApp('prom-client');
    register.removeSingleMetric(name);
    if (!faults.failingScrape) return;
    const collect = () => {
      throw new Error('injected fault');
    };
    register.registerMetric(new Gauge({ name, help: 'A metric that cannot be collected.', registers: [], collect }));
  };
}

function holdPool(fromApp) {
  const Pool = createRequire(fromApp.resolve('pg'))('pg-pool');
  const { connect } = Pool.prototype;
  const pools = new Set();
  Pool.prototype.connect = function (...args) {
    pools.add(this);
    return connect.apply(this, args);
  };
  const takeAndWait = async (pool) => {
    const taken = [];
    while (faults.holdPool) {
      // The pool ends the wait of those who get none in time.
      const callers = pool.options.max - taken.length + WAITING_CALLERS;
      const outcomes = await Promise.allSettled(Array.from({ length: callers }, () => connect.call(pool)));
      taken.push(...outcomes.filter(({ value }) => value !== undefined).map(({ value }) => value));
      await sleep(POLL_MS);
    }
    for (const client of taken) client.release();
  };
  let holding = false;
  return () => {
    if (!faults.holdPool || holding) return;
    holding = true;
    void Promise.all([...pools].map(takeAndWait)).finally(() => {
      holding = false;
    });
  };
}
