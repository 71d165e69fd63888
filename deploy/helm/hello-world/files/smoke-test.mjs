// `helm test`: asks the release through its Service what a user and the platform ask it. It says of each question what it
// found, and fails with the first that is answered wrong. Runs on the service's own image, which has no other client.
// oxlint-disable-next-line node/no-process-env -- not a part of the service
const { SERVICE_URL, MANAGEMENT_URL, READINESS_PATH, LIVENESS_PATH, METRICS_PATH, HAS_DATABASE } = process.env;

/** A network policy takes a moment to know a new pod: whoever is not reached is asked again. */
const REACHABLE_WITHIN_MS = 30_000;

async function ask(url, headers = {}) {
  const deadline = Date.now() + REACHABLE_WITHIN_MS;
  for (;;) {
    try {
      const answer = await fetch(url, { headers, signal: AbortSignal.timeout(5_000) });
      return { status: answer.status, text: await answer.text() };
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${url}: ${error.cause?.message ?? error.message}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

function expect(what, found, wanted) {
  if (found !== wanted) throw new Error(`${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
  console.log(`ok: ${what} is ${JSON.stringify(found)}`);
}

const questions = {
  async page() {
    const { status, text } = await ask(`${SERVICE_URL}/`);
    expect('GET /', `${status} ${text}`, '200 hello world');
  },
  async probes() {
    const live = await ask(`${MANAGEMENT_URL}${LIVENESS_PATH}`);
    expect(`GET ${LIVENESS_PATH}`, `${live.status} ${live.text}`, '200 alive');
    const ready = await ask(`${MANAGEMENT_URL}${READINESS_PATH}`);
    expect(`GET ${READINESS_PATH}`, `${ready.status} ${ready.text}`, '200 ready');
  },
  async metrics() {
    const { status, text } = await ask(`${MANAGEMENT_URL}${METRICS_PATH}`);
    if (status === 404 && text === 'metrics disabled') {
      console.log(`skipped: GET ${METRICS_PATH} is switched off by the flag metrics_enabled`);
      return;
    }
    expect(`status of GET ${METRICS_PATH}`, status, 200);
    expect('build_info in the metrics', /^build_info\{/m.test(text), true);
  },
  async management() {
    if (MANAGEMENT_URL === SERVICE_URL) return;
    for (const path of [METRICS_PATH, LIVENESS_PATH, READINESS_PATH, '/admin/flags']) {
      expect(`status of GET ${path} on the public port`, (await ask(`${SERVICE_URL}${path}`)).status, 404);
    }
  },
  async migrations() {
    const { text } = await ask(`${MANAGEMENT_URL}${READINESS_PATH}`, { accept: 'application/json' });
    const { details } = JSON.parse(text);
    const wanted = HAS_DATABASE === 'true' ? 'up' : 'not asked for, without a database';
    expect('state of the migrations', details.migrations?.status ?? 'not asked for, without a database', wanted);
  },
};

for (const [name, question] of Object.entries(questions)) {
  try {
    await question();
  } catch (error) {
    console.error(`failed: ${name}: ${error.message}`);
    process.exitCode = 1;
    break;
  }
}
