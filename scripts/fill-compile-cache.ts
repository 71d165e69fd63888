/**
 * Starts the built service once with every part in use and ends it, so that V8's compile cache holds what a start compiles
 * (docs/decisions/0019-bundle.md). For the image, whose file system a process cannot write to; elsewhere the first start
 * fills it. Node keeps a cache for each user: run it as the one that the service will run as.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';

const app = resolve(import.meta.dirname, '../dist/apps/hello-world');
/** Nothing listens here: what is loaded for a peer is loaded all the same. */
const NOBODY = '127.0.0.1:1';

const service = spawn(
  process.execPath,
  // Hash seeds are in the cache: with one of its own each build would be another image.
  ['--random-seed=1', resolve(app, 'src/main.js')],
  {
    env: {
      HOST: '127.0.0.1',
      PORT: '0',
      ENABLE_METRICS: 'true',
      DATABASE_URL: `postgres://nobody@${NOBODY}/nothing`,
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://${NOBODY}`,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
const said: string[] = [];
for await (const line of createInterface(service.stdout)) {
  said.push(line);
  if (line.includes('"msg":"listening"')) service.kill('SIGTERM');
}
if (service.exitCode === null) await once(service, 'exit');
if (service.exitCode !== 0 || readdirSync(resolve(app, 'compile-cache'), { recursive: true }).length < 2)
  throw new Error(`the service filled no compile cache:\n${said.join('\n')}`);
