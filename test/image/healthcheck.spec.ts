import { afterEach, expect, it, jest } from '@jest/globals';
import { docker } from '../support/docker.js';
import { describeUnless } from '../support/unless.js';
import { type Container, removeContainers, runContainer, startContainer } from './container.js';
import { IMAGE, NODE, whyNoImage } from './image.js';

const CHECK = 'healthcheck.mjs';
const TELL_HEAP = 'console.log(require("node:v8").getHeapStatistics().heap_size_limit / 2 ** 20)';

interface Inspected {
  readonly Config: { readonly Healthcheck: { readonly Test: readonly string[] } };
}

async function inspect(): Promise<Inspected> {
  const [image] = JSON.parse(await docker(['image', 'inspect', IMAGE])) as [Inspected];
  return image;
}

/** How the image starts Node for its check, without what is then run. */
async function optionsOfCheck(): Promise<readonly string[]> {
  const { Config } = await inspect();
  return Config.Healthcheck.Test.slice(2, -1);
}

/** The failure of a check: its exit code, and what `docker inspect` would show. */
interface Failure {
  readonly code: number;
  readonly stderr: string;
}

async function failureOf(container: Container, ...args: readonly string[]): Promise<Failure | undefined> {
  return container.exec(...(await optionsOfCheck()), CHECK, ...args).then(
    () => undefined,
    (error: unknown) => error as Failure,
  );
}

jest.setTimeout(2 * 60_000);

afterEach(removeContainers);

describeUnless(whyNoImage())('the health check of the image', () => {
  it('is run in exec form, in little memory, twice a minute and with an end', async () => {
    const { Config } = await inspect();

    expect(Config.Healthcheck).toMatchObject({
      Test: expect.arrayContaining(['CMD', NODE, '--max-old-space-size=16', CHECK]),
      Interval: 30e9,
      Timeout: 10e9,
      Retries: 3,
    });
  });

  it.each([
    ['64m', undefined],
    ['4g', undefined],
    ['0', undefined],
    ['0', ''],
    ['4g', '--max-old-space-size-percentage=90'],
    ['4g', '--max-old-space-size=300'],
    ['4g', '--max-old-space-size-percentage=50 --max-semi-space-size=64'],
    ['4g', '--max-heap-size=200'],
  ])('has a heap of 16 MB and little more in a container of %s with NODE_OPTIONS=%s', async (memory, options) => {
    const container = await runContainer({
      flags: ['--memory', memory],
      env: options === undefined ? {} : { NODE_OPTIONS: options },
      args: [...(await optionsOfCheck()), '--eval', TELL_HEAP],
    });

    expect(container.code).toBe(0);
    const heapMib = Number(container.stdout());
    expect(heapMib).toBeGreaterThanOrEqual(16);
    expect(heapMib).toBeLessThan(20);
  });

  it.each([
    ['the port that is set', { PORT: '9001' }],
    ['the management port where there is one', { MANAGEMENT_PORT: '9002' }],
    ['the address that is set', { HOST: '127.0.0.2' }],
    ['every address of IPv4', { HOST: '0.0.0.0' }],
    ['empty keys, which are not set', { HOST: '', PORT: '', MANAGEMENT_PORT: '' }],
  ])('finds the service at %s', async (_where, env) => {
    const container = startContainer({ env });
    await container.url();

    expect(await failureOf(container)).toBeUndefined();
  });

  it('is content with a service that waits for its database', async () => {
    const container = startContainer({ env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' } });
    await container.url();

    expect(await failureOf(container)).toBeUndefined();
  });

  it('asks for readiness where it is told to', async () => {
    const waiting = startContainer({ env: { DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none' } });
    const ready = startContainer();
    await Promise.all([waiting.url(), ready.url()]);

    expect(await failureOf(ready, '/readyz')).toBeUndefined();
    expect(await failureOf(waiting, '/readyz')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('/readyz on port 8080: answered 503'),
    });
  });

  it.each([{ PORT: '0' }, { MANAGEMENT_PORT: '0' }])(
    'says of a port that it cannot know what to do: %j',
    async (env) => {
      const container = await runContainer({ env, args: [...(await optionsOfCheck()), CHECK] });

      expect(container.code).toBe(1);
      expect(container.stderr()).toMatch(/^\/livez on port 0: .* PORT, or MANAGEMENT_PORT if set, a number\n$/);
    },
  );

  it('says why it is not content', async () => {
    const container = startContainer({ args: ['--eval', 'setTimeout(() => {}, 60_000); console.log("idle")'] });
    await container.output(/idle/);

    const failure = await failureOf(container);

    expect(failure).toMatchObject({ code: 1, stderr: expect.stringContaining('/livez on port 8080: ') });
    expect(failure?.stderr).toContain('ECONNREFUSED');
  });

  it('is not content with a service that answers anything but 200', async () => {
    const server = `require('node:http').createServer((_, response) => response.writeHead(503).end()).listen(8080, () => console.log('up'))`;
    const container = startContainer({ args: ['--eval', server] });
    await container.output(/up/);

    expect(await failureOf(container)).toMatchObject({ code: 1, stderr: expect.stringContaining('answered 503') });
  });

  it('calls a container unhealthy whose service hangs, and healthy when it goes on', async () => {
    const often = ['--health-interval', '500ms', '--health-timeout', '10s', '--health-retries', '1'];
    const container = startContainer({ flags: [...often, '--health-start-period', '0s'] });
    await container.health('healthy');

    await container.signal('SIGSTOP');
    await container.health('unhealthy');
    const { Health } = await container.state();
    await container.signal('SIGCONT');
    await container.health('healthy');

    expect(Health?.Log.at(-1)?.Output).toContain('/livez on port 8080: ');
  });
});
