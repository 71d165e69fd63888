import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { lockCheckout } from './checkout-lock.ts';
import { identityOf } from './process-table.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'checkout-lock-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** What a launcher takes for the service that a killed one left running, and will end. */
async function leftBehind(record: string): Promise<unknown> {
  writeFileSync(join(folder, 'launcher.json'), record);
  const lock = await lockCheckout(folder);
  lock.release();
  return lock.leftBehind;
}

describe('lockCheckout', () => {
  it('finds the service that a killed launcher left running', async () => {
    const service = { pid: process.pid, identity: identityOf(process.pid) };

    expect(await leftBehind(JSON.stringify({ launcher: { pid: 1, identity: 'gone' }, service }))).toEqual(service);
  });

  it.each([
    ['whose pid is another process by now', { service: { pid: process.pid, identity: 'another/1' } }],
    // To signal pid 0 or -1 would end the process group, or every process of this user.
    ['of every process', { service: { pid: -1 } }],
    ['of the process group', { service: { pid: 0 } }],
    ['of the process group, with an identity', { service: { pid: 0, identity: '' } }],
    ['with a pid that is none', { service: { pid: '1', identity: 'x' } }],
    ['of a process that is gone, without an identity', { service: { pid: 2 ** 30 } }],
    ['without a pid', { service: {} }],
    ['of a service that is nothing', { service: null }],
    ['of a service that is something else', { service: 5 }],
    ['that is something else', [5]],
    ['that is nothing', null],
  ])('takes no process from a record %s', async (_what, record) => {
    expect(await leftBehind(JSON.stringify(record))).toBeUndefined();
  });

  it.each(['', '{"service":{"pid":', 'garbage'])(
    'takes no process from a record that is broken: %j',
    async (record) => {
      expect(await leftBehind(record)).toBeUndefined();
    },
  );
});
