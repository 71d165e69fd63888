/**
 * Holds the running service to its OpenAPI document: schemathesis sends what fits the description and what does not,
 * for a bounded time. Fails on a 5xx, an undocumented answer, or a crash.
 *
 * FUZZ_SECONDS (60) is the budget, FUZZ_SEED makes a run repeatable.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const TOKEN = 'fuzz-token';
const START_TIMEOUT_MS = 30_000;
const root = new URL('../', import.meta.url);
const seconds = process.env['FUZZ_SECONDS'] || '60';
const seed = process.env['FUZZ_SEED'];

const service = spawn(process.execPath, ['dist/apps/hello-world/src/main.js'], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
  // Nothing from outside: a database of the caller's is not to be fuzzed.
  env: {
    PORT: '0',
    HOST: '127.0.0.1',
    ENABLE_METRICS: 'true',
    ENABLE_TRACING: 'true',
    ADMIN_FLAGS_ENABLED: 'true',
    ADMIN_TOKEN: TOKEN,
  },
});
const ended = once(service, 'exit');
const faults: string[] = [];

/** Reads the service's log to its end: resolves with the port once it listens, and keeps what must not be there. */
async function readLog(): Promise<number> {
  return new Promise((resolve, reject) => {
    createInterface({ input: service.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as { level: string; msg: string; port?: number };
      if (line.msg === 'listening' && line.port) resolve(line.port);
      if (line.level === 'error' || line.level === 'fatal') faults.push(text);
    });
    void ended.then(() => reject(new Error('the service ended before it listened')));
    const late = new Error(`the service did not listen within ${START_TIMEOUT_MS} ms`);
    setTimeout(() => reject(late), START_TIMEOUT_MS).unref();
  });
}

async function fuzz(port: number): Promise<number> {
  const args = ['run', 'docs/openapi.json', '--url', `http://127.0.0.1:${port}`, '--max-time', seconds, '--no-color'];
  args.push('-H', `Authorization: Bearer ${TOKEN}`, ...(seed ? ['--seed', seed] : []));
  const run = spawn('schemathesis', args, { cwd: root, stdio: 'inherit' });
  try {
    const [code] = (await once(run, 'exit')) as [number | null];
    return code ?? 1;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    console.error('schemathesis is not installed: eval "$(scripts/install-tools.sh)"');
    return 1;
  }
}

let code = 1;
try {
  code = await fuzz(await readLog());
} finally {
  service.kill('SIGTERM');
  const [serviceCode] = (await ended) as [number | null];
  if (serviceCode !== 0) faults.push(`the service ended with ${serviceCode}`);
}
for (const fault of faults) console.error(`fault: ${fault}`);
process.exitCode = faults.length > 0 ? 1 : code;
