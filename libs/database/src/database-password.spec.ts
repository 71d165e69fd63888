import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SecretValue } from '#libs/config';
import { createPasswordReader, onNeededRestart } from './database-password.js';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'database-password-'));
  path = join(folder, 'url');
  writeFileSync(path, 'postgres://hello:first@db/hellodb');
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('createPasswordReader', () => {
  it('reads the file anew each time', () => {
    const password = createPasswordReader(SecretValue.fromFile(path));

    writeFileSync(path, 'postgres://hello:second@db/hellodb');

    expect(password()).toBe('second');
  });

  it.each([
    ['another server', 'postgres://hello:second@other/hellodb'],
    ['nonsense', 'half a U'],
  ])('keeps the last password when the file holds %s', (_name, content) => {
    const password = createPasswordReader(SecretValue.fromFile(path));

    writeFileSync(path, content);

    expect(password()).toBe('first');
  });
});

describe('onNeededRestart', () => {
  it.each([
    ['does not call for another password', 'postgres://hello:second@db/hellodb', 0],
    ['calls once for another server', 'postgres://hello:first@other/hellodb', 1],
    ['calls once for nonsense', 'half a U', 1],
  ])('%s', (_name, content, calls) => {
    const url = SecretValue.fromFile(path);
    const listener = jest.fn();
    const stop = jest.fn();
    let change = (): void => undefined;
    url.onChange = (callback) => {
      change = callback;
      return stop;
    };
    onNeededRestart(url, listener);

    writeFileSync(path, content);
    change();

    expect(listener).toHaveBeenCalledTimes(calls);
    expect(stop).toHaveBeenCalledTimes(calls);
  });
});
