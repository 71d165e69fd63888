import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { ComposeProject } from '../support/compose.js';
import { whyNoCompose } from '../support/compose-images.js';
import { describeUnless } from '../support/unless.js';
import { editFlags } from './flags-file.js';
import { jsonOf, soon, statusOf } from './poll.js';

// Longer than what is waited for, so that it is told what was waited for.
jest.setTimeout(120_000);

interface AdminFlags {
  readonly effective: { readonly tracing: { readonly value: boolean; readonly source: string } };
}

describeUnless(whyNoCompose('core'))('the service on the local platform', () => {
  let platform: ComposeProject;
  let [service, flags]: string[] = [];
  let startsAtFirst: Readonly<Record<string, string>>;

  const tracing = async () => (await jsonOf<AdminFlags>(`${service}/admin/flags`)).effective.tracing;
  const metricsAnswer = (status: number) => async () => (await statusOf(`${service}/metrics`)) === status;

  beforeAll(async () => {
    platform = await ComposeProject.create('outages');
    flags = platform.copyOf('deploy/flags');
    await platform.up({ profile: 'core', env: { FLAGS_DIR: flags } });
    service = platform.url('hello-world');
    startsAtFirst = await platform.starts();
  }, 600_000);

  afterAll(async () => platform.down(), 120_000);

  it('follows its flags, however the editor saves the file', async () => {
    editFlags(flags!, { metrics: false, tracing: false }, 'in place');
    await soon('metrics are off', metricsAnswer(404));

    editFlags(flags!, { metrics: true, tracing: false }, 'by renaming');
    await soon('metrics are on', metricsAnswer(200));

    editFlags(flags!, { metrics: false, tracing: false }, 'by renaming');
    await soon('metrics are off again', metricsAnswer(404));

    editFlags(flags!, { metrics: true, tracing: false }, 'in place');
    await soon('metrics are on again', metricsAnswer(200));
  });

  it('is not ready, but alive and serving, while the database is away, and ready when it is back', async () => {
    await platform.kill('db');

    await soon('it is not ready', async () => (await statusOf(`${service}/readyz`)) === 503);
    expect(await statusOf(`${service}/livez`)).toBe(200);
    expect(await statusOf(`${service}/`)).toBe(200);

    await platform.start('db');

    await soon('it is ready', async () => (await statusOf(`${service}/readyz`)) === 200);
  });

  it('keeps what flagd said while flagd is away, and follows it again when it is back', async () => {
    // Where nobody asks flagd, tracing is on here: ENABLE_TRACING.
    await soon('flagd turns tracing off', async () => !(await tracing()).value);

    await platform.kill('flagd');
    editFlags(flags!, { metrics: true, tracing: true });

    expect(await statusOf(`${service}/`)).toBe(200);
    expect(await tracing()).toMatchObject({ value: false });

    await platform.start('flagd');

    await soon('flagd turns tracing on', async () => {
      const { value, source } = await tracing();
      return value && source === 'flagd';
    });
  });

  it('has not been restarted by any of it', async () => {
    await soon('it is healthy again', async () =>
      (await platform.containers()).some(({ service, health }) => service === 'hello-world' && health === 'healthy'),
    );

    const [starts, containers] = [await platform.starts(), await platform.inspect()];

    expect(starts['hello-world']).toBe(startsAtFirst['hello-world']);
    expect(starts['migrate']).toBe(startsAtFirst['migrate']);
    expect(containers.filter(({ State }) => State.OOMKilled)).toEqual([]);
  });
});
