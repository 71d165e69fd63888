import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { instrumentPg } from './instrument-pg.js';

const queryOfClient = (): unknown => Reflect.get(pg.Client.prototype, 'query');
const original = queryOfClient();
let undo: (() => void) | undefined;

afterEach(() => undo?.());

describe('instrumentPg', () => {
  it('patches the client that is already loaded', async () => {
    undo = await instrumentPg();

    expect(queryOfClient()).not.toBe(original);
  });

  it('when undone, leaves the client as it was', async () => {
    undo = await instrumentPg();

    undo();

    expect(queryOfClient()).toBe(original);
  });
});
