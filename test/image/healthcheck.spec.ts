import { afterEach, expect, it, jest } from '@jest/globals';
import { describeUnless } from '../support/unless.js';
import { type Container, removeContainers, startContainer } from './container.js';
import { docker, IMAGE, NODE, whyNoImage } from './image.js';

const CHECK = ['--max-old-space-size=16', 'healthcheck.mjs'];

/** The failure of a check: its exit code, and what `docker inspect` would show. */
interface Failure {
  readonly code: number;
  readonly stderr: string;
}

async function failureOf(container: Container): Promise<Failure | undefined> {
  return container.exec(...CHECK).then(
    () => undefined,
    (error: unknown) => error as Failure,
  );
}

jest.setTimeout(2 * 60_000);

afterEach(removeContainers);

describeUnless(whyNoImage())('the health check of the image', () => {
  it('is run in exec form, in little memory, twice a minute and with an end', async () => {
    const [image] = JSON.parse(await docker('image', 'inspect', IMAGE)) as [{ Config: { Healthcheck: unknown } }];

    expect(image.Config.Healthcheck).toMatchObject({
      Test: ['CMD', NODE, ...CHECK],
      Interval: 30e9,
      Timeout: 10e9,
      Retries: 3,
    });
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
