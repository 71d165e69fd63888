import { once } from 'node:events';
import { Agent, get } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterEach, expect, it, jest } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { header, RawConnection } from '../support/raw-http.js';
import { describeUnless } from '../support/unless.js';
import { type Container, type HealthCheck, removeContainers, runContainer, startContainer } from './container.js';
import { HARDENED, whyNoImage } from './image.js';

/** The image's own check, more often than in earnest. */
const CHECKED_OFTEN = ['--health-interval', '1s', '--health-start-interval', '1s', '--health-start-period', '0s'];
const CONNECTIONS = 64;
const CHECKS_UNDER_LOAD = 5;
const REQUESTS = 2_000;
const LOAD_TIMEOUT_MS = 120_000;
const HALF_A_BODY = '{"metrics":';
const OTHER_HALF = 'true}';
const DRAIN_MS = 200;
/** By far longer than an orderly end takes, and shorter than any test. */
const DEADLINE_MS = 20_000;
/** Shorter than what the service grants to a request otherwise. */
const SHORT_DEADLINE_MS = 4_000;

/** Looks for folders that can be written to. What the kernel shows of itself holds no files: queues neither. */
const FIND_WRITABLE = `
  const { accessSync, constants, readdirSync } = require('node:fs');
  const writable = (path) => { try { accessSync(path, constants.W_OK); return true; } catch { return false; } };
  const look = (folder) => {
    if (/^\\/(proc|sys|dev\\/mqueue)$/.test(folder)) return [];
    let entries = [];
    try { entries = readdirSync(folder, { withFileTypes: true }); } catch {}
    return [
      ...(writable(folder) ? [folder] : []),
      ...entries.filter((entry) => entry.isDirectory()).flatMap(({ name }) => look((folder === '/' ? '' : folder) + '/' + name)),
    ];
  };
  console.log(JSON.stringify(look('/')));
`;

const FIRST_HALF = [
  'POST /admin/flags HTTP/1.1',
  'Host: localhost',
  'Authorization: Bearer token',
  'Content-Type: application/json',
  `Content-Length: ${HALF_A_BODY.length + OTHER_HALF.length}`,
  '',
  HALF_A_BODY,
].join('\r\n');

/** Settings of a service that is asked by half, and told to stop. */
const stopping = (deadlineMs: number): Readonly<Record<string, string>> => ({
  ADMIN_FLAGS_ENABLED: 'true',
  ADMIN_TOKEN: 'token',
  ENVIRONMENT: 'non-prod',
  SHUTDOWN_DRAIN_MS: String(DRAIN_MS),
  SHUTDOWN_TIMEOUT_MS: String(deadlineMs),
});

interface Watched {
  readonly checks: readonly HealthCheck[];
  readonly statuses: readonly (string | undefined)[];
}

async function request(agent: Agent, url: string): Promise<number | undefined> {
  const [response] = (await once(get(url, { agent }), 'response')) as [
    Parameters<typeof text>[0] & { statusCode?: number },
  ];
  await text(response);
  return response.statusCode;
}

/** Asks on many connections at once until it has been enough. @returns how often each status was answered */
async function load(
  url: string,
  enough: (answered: () => number, signal: AbortSignal) => Promise<void>,
): Promise<Map<number | undefined, number>> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const ending = new AbortController();
  const answers = new Map<number | undefined, number>();
  const client = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const status = await request(agent, url);
      answers.set(status, (answers.get(status) ?? 0) + 1);
    }
  };
  const clients = Promise.all(Array.from({ length: CONNECTIONS }, client));
  const answered = (): number => [...answers.values()].reduce((sum, count) => sum + count, 0);
  try {
    await Promise.race([enough(answered, AbortSignal.timeout(LOAD_TIMEOUT_MS)), clients]);
  } finally {
    ending.abort();
    await clients.finally(() => agent.destroy());
  }
  return answers;
}

/** Watches a container until its check has ended so often. @returns the checks, and every word on its health */
async function watchHealth(container: Container, times: number, signal: AbortSignal): Promise<Watched> {
  const log = async (): Promise<readonly HealthCheck[]> => (await container.state()).Health?.Log ?? [];
  const before = new Set((await log()).map(({ Start }) => Start));
  const checks = new Map<string, HealthCheck>();
  const statuses = new Set<string | undefined>();
  while (checks.size < times) {
    signal.throwIfAborted();
    const { Health } = await container.state();
    statuses.add(Health?.Status);
    for (const check of Health?.Log ?? []) if (!before.has(check.Start)) checks.set(check.Start, check);
  }
  return { checks: [...checks.values()], statuses: [...statuses] };
}

jest.setTimeout(3 * 60_000);

afterEach(removeContainers);

describeUnless(whyNoImage())('the image with no rights and little memory', () => {
  it('becomes healthy by its own check', async () => {
    const container = startContainer({ flags: [...HARDENED, ...CHECKED_OFTEN] });

    const url = await container.url();
    await container.health('healthy');

    expect(await (await fetch(url)).text()).toBe('hello world');
    expect(container.stderr()).toBe('');
  });

  it('stays well under load, and nothing kills it', async () => {
    const container = startContainer({ flags: [...HARDENED, ...CHECKED_OFTEN], env: { ENABLE_METRICS: 'true' } });
    const url = await container.url();
    await container.health('healthy');

    let watched: Watched | undefined;
    const answers = await load(url, async (answered, signal) => {
      watched = await watchHealth(container, CHECKS_UNDER_LOAD, signal);
      await eventually(`${REQUESTS} answers`, () => answered() >= REQUESTS, LOAD_TIMEOUT_MS);
    });

    expect([...answers.keys()]).toEqual([200]);
    expect(watched?.statuses).toEqual(['healthy']);
    expect(watched?.checks.filter(({ ExitCode }) => ExitCode !== 0)).toEqual([]);
    expect(await container.state()).toMatchObject({ Running: true, OOMKilled: false });
  });

  it('starts where no path can be written to at all', async () => {
    // Without an IPC namespace there is no /dev/shm either.
    const container = startContainer({ flags: [...HARDENED, ...CHECKED_OFTEN, '--ipc', 'none'] });

    const url = await container.url();
    await container.health('healthy');

    expect(JSON.parse(await container.exec('--eval', FIND_WRITABLE))).toEqual([]);
    expect(await (await fetch(url)).text()).toBe('hello world');
  });

  it('runs as any user that a cluster chooses', async () => {
    const container = startContainer({ flags: [...HARDENED, ...CHECKED_OFTEN, '--user', '1000660000:0'] });

    await container.health('healthy');
    await container.signal('SIGTERM');

    expect(await container.exit).toEqual({ code: 0, signal: null });
  });

  it('ends by its own word when its heap leaks, before the kernel ends it', async () => {
    const leak = 'const kept = []; for (;;) kept.push(new Array(1_000).fill({}));';

    const container = await runContainer({ flags: HARDENED, args: ['--eval', leak] });

    expect(container.stderr()).toContain('JavaScript heap out of memory');
    expect(container.code).not.toBe(137);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)(
    'ends with 0 on %s before its deadline, and finishes the request in flight',
    async (signal) => {
      const container = startContainer({ flags: HARDENED, env: stopping(DEADLINE_MS) });
      await using connection = await RawConnection.open(await container.url());
      connection.send(FIRST_HALF);

      const signalled = performance.now();
      await container.signal(signal);
      await container.output(/"msg":"SIG\w+: draining/);
      connection.send(OTHER_HALF);
      const answer = await connection.answer();
      const { code } = await container.exit;
      const tookMs = performance.now() - signalled;

      expect(answer.status).toBe(200);
      expect(header(answer, 'connection')).toBe('close');
      expect(code).toBe(0);
      expect(container.lines().at(-1)).toMatchObject({ msg: 'shutdown complete' });
      expect(tookMs).toBeGreaterThanOrEqual(DRAIN_MS);
      expect(tookMs).toBeLessThan(DEADLINE_MS);
    },
  );

  it('ends with 0 before its deadline also where a request never comes whole', async () => {
    const container = startContainer({ flags: HARDENED, env: stopping(SHORT_DEADLINE_MS) });
    await using connection = await RawConnection.open(await container.url());
    connection.send(FIRST_HALF);

    await container.signal('SIGTERM');
    const answer = await connection.answer();
    const { code } = await container.exit;

    expect(answer.status).toBe(408);
    expect(code).toBe(0);
    // By the clock of the container: beside it, the engine takes its time to remove it.
    const at = (message: RegExp): number =>
      Date.parse(String(container.lines().find(({ msg }) => message.test(msg))?.['time']));
    expect(at(/^shutdown complete/) - at(/^SIGTERM: draining/)).toBeLessThan(SHORT_DEADLINE_MS);
  });
});
