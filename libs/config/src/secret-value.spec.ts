import { mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SecretValue } from './secret-value.js';

describe('SecretValue', () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'secret-'));
    path = join(folder, 'token');
    writeFileSync(path, 'first\n');
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('never shows its value unasked', () => {
    const secret = SecretValue.fromEnvironment('hidden');

    const shown = [String(secret), JSON.stringify({ secret }), inspect(secret), inspect({ deep: { secret } })];

    expect(shown.join()).not.toContain('hidden');
    expect(secret.reveal()).toBe('hidden');
  });

  it('in a file that is written anew: holds at once', () => {
    const secret = SecretValue.fromFile(path);

    writeFileSync(path, 'second\n');

    expect(secret.reveal()).toBe('second');
  });

  it('in a file behind links that change over, as Kubernetes mounts a Secret: holds at once', () => {
    const linked = join(folder, 'linked');
    writeFileSync(join(folder, 'new'), 'second');
    symlinkSync(path, linked);
    const secret = SecretValue.fromFile(linked);

    symlinkSync(join(folder, 'new'), join(folder, 'swap'));
    renameSync(join(folder, 'swap'), linked);

    expect(secret.reveal()).toBe('second');
  });

  it('while its file is gone, empty or nonsense: keeps the last good value', () => {
    const secret = SecretValue.fromFile(path, (value) => value !== 'nonsense');
    const seen: string[] = [];

    for (const content of ['', 'nonsense']) {
      writeFileSync(path, content);
      seen.push(secret.reveal());
    }
    rmSync(path);
    seen.push(secret.reveal());

    expect(seen).toEqual(['first', 'first', 'first']);
  });

  it('says why its file cannot be used, and nothing while it can', () => {
    const secret = SecretValue.fromFile(path, (value) => value !== 'nonsense');
    const problems = [secret.problem()];

    for (const content of ['', 'nonsense', 'second']) {
      writeFileSync(path, content);
      problems.push(secret.problem());
    }
    rmSync(path);
    problems.push(secret.problem());

    expect(problems).toEqual([undefined, 'it is empty', 'its content is not valid', undefined, 'ENOENT']);
    expect(SecretValue.fromEnvironment('x').problem()).toBeUndefined();
  });

  it('refuses a file that cannot be read or is empty', () => {
    writeFileSync(path, '\n');

    expect(() => SecretValue.fromFile(path)).toThrow('empty');
    expect(() => SecretValue.fromFile(join(folder, 'nowhere'))).toThrow('ENOENT');
    expect(() => SecretValue.fromFile(folder)).toThrow('no regular file');
    writeFileSync(path, 'x'.repeat(70_000));
    expect(() => SecretValue.fromFile(path)).toThrow('larger than 65536 bytes');
  });

  it('tells once when the value has changed', async () => {
    const secret = SecretValue.fromFile(path);
    let calls = 0;
    const changed = new Promise<void>((resolve) => {
      const stop = secret.onChange(() => {
        calls++;
        stop();
        resolve();
      });
    });

    writeFileSync(path, 'second');
    await changed;

    expect(calls).toBe(1);
    expect(secret.reveal()).toBe('second');
  });

  it('from the environment: never tells of a change', () => {
    const stop = SecretValue.fromEnvironment('x').onChange(() => undefined);

    expect(stop()).toBeUndefined();
  });
});
