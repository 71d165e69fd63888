import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type Checkout, copyCheckout } from './support/checkout.js';
import { eventually } from './support/eventually.js';
import { type DataFolder, makeDataFolder, ready, startLauncher } from './support/launcher.js';
import { answers, isRunning } from './support/process.js';

const CONTROLLER = 'apps/hello-world/src/hello/hello.controller.ts';

let checkout: Checkout;
let data: DataFolder;

beforeEach(() => {
  checkout = copyCheckout();
  data = makeDataFolder();
});

afterEach(async () => {
  await data.remove();
  checkout.remove();
});

describe('start:dev', () => {
  it('starts the service again when a source changes, and keeps the old one while a source is broken', async () => {
    const controller = join(checkout.root, CONTROLLER);
    const source = readFileSync(controller, 'utf8');
    const launcher = startLauncher(data.path, {}, { cwd: checkout.root, args: ['--watch'] });
    const first = await ready(launcher, data.path);
    const serves = (greeting: string) =>
      eventually(`the service says "${greeting}"`, async () => (await answers(`${first.url}/`)) === greeting);

    writeFileSync(controller, source.replace('hello world', 'hello soon'));
    await launcher.output(/"msg":"SIGTERM/); // Too late for the build that this change brought about.
    writeFileSync(controller, source.replace('hello world', 'hello again'));
    await serves('hello again');
    const second = await ready(launcher, data.path);
    writeFileSync(controller, source.replace('hello world', 'hello broken').replace('{', ''));
    await launcher.output(/The build failed, as told above/);
    const meanwhile = await answers(`${first.url}/`);
    const keptRunning = isRunning(second.servicePid);
    writeFileSync(controller, source.replace('hello world', 'hello mended'));
    await serves('hello mended');
    launcher.kill('SIGTERM');

    expect(isRunning(first.servicePid)).toBe(false);
    expect(launcher.stderr()).toContain(CONTROLLER);
    expect([meanwhile, keptRunning]).toEqual(['hello again', true]);
    expect(await launcher.exit).toEqual({ code: 0, signal: null });
    expect([second.servicePid, second.postgresPid].map(isRunning)).toEqual([false, false]);
  }, 60_000);
});
