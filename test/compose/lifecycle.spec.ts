import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { ComposeProject } from '../support/compose.js';
import { whyNoCompose } from '../support/compose-images.js';
import { describeUnless } from '../support/unless.js';
import { statusOf } from './poll.js';

describeUnless(whyNoCompose('core'))('the core of the local platform', () => {
  let platform: ComposeProject;

  beforeEach(async () => {
    platform = await ComposeProject.create('lifecycle');
  });

  afterEach(async () => platform.down(), 120_000);

  const psql = (sql: string) =>
    platform.exec('db', 'psql', '--username=hello', '--dbname=hellodb', '--tuples-only', '--no-align', '-c', sql);

  it('is the service, its database and its flags, needs nothing else, and ends by itself when it is told to', async () => {
    await platform.up({ profile: 'core' });

    const running = (await platform.containers()).filter(({ state }) => state === 'running');

    expect(running.map(({ service }) => service).sort()).toEqual(['db', 'flagd', 'hello-world']);
    expect(await statusOf(`${platform.url('hello-world')}/readyz`)).toBe(200);

    await platform.stop('hello-world');

    expect(await platform.containers()).toContainEqual(
      expect.objectContaining({ service: 'hello-world', state: 'exited', exitCode: 0 }),
    );
  }, 300_000);

  it('keeps its data when it is taken down, and leaves nothing when its volumes are taken too', async () => {
    await platform.up({ profile: 'core' });
    await psql("INSERT INTO users (email, name) VALUES ('ada@example.com', 'Ada')");

    await platform.compose('down');
    await platform.up({ profile: 'core' });

    expect(await psql('SELECT name FROM users')).toBe('Ada\n');

    await platform.down();

    expect(await platform.leftBehind()).toBe('');
    expect(existsSync(platform.folder)).toBe(false);
  }, 300_000);

  it('takes its secrets from files, and shows them to nobody who inspects a container', async () => {
    const password = randomBytes(16).toString('hex');
    const [passwordFile, urlFile, override] = ['password', 'url', 'secrets.yml'].map((name) =>
      join(platform.folder, name),
    ) as [string, string, string];
    writeFileSync(passwordFile, `${password}\n`, { mode: 0o644 });
    writeFileSync(urlFile, `postgres://hello:${password}@db:5432/hellodb?sslmode=disable\n`, { mode: 0o644 });
    const secrets = { database_password: { file: passwordFile }, database_url: { file: urlFile } };
    writeFileSync(override, JSON.stringify({ secrets }));

    await platform.up({ profile: 'core', files: [override] });

    // The password is the one in use: the service has got into the database by it.
    expect(await statusOf(`${platform.url('hello-world')}/readyz`)).toBe(200);
    expect(JSON.stringify(await platform.inspect())).not.toContain(password);
    expect(await platform.compose('logs')).not.toContain(password);
  }, 300_000);

  it('says why, and starts no service, when the database does not become what it should be', async () => {
    const override = join(platform.folder, 'no-password.yml');
    writeFileSync(override, JSON.stringify({ services: { db: { environment: { POSTGRES_PASSWORD_FILE: '' } } } }));

    const failure = await platform.up({ profile: 'core', files: [override] }).catch((error: unknown) => error);

    expect(String(failure)).toMatch(/db is exited[\s\S]*POSTGRES_PASSWORD/);
    const started = (await platform.containers()).filter(({ state }) => state === 'running');
    expect(started.map(({ service }) => service)).not.toContain('hello-world');
  }, 300_000);
});
