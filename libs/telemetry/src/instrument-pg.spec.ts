import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { instrumentPg } from './instrument-pg.js';

const original = pg.Client.prototype.query;
let undo: (() => void) | undefined;

afterEach(() => undo?.());

describe('instrumentPg', () => {
  it('patches the client that is already loaded', async () => {
    undo = await instrumentPg();

    expect(pg.Client.prototype.query).not.toBe(original);
  });

  it('when undone, leaves the client as it was', async () => {
    undo = await instrumentPg();

    undo();

    expect(pg.Client.prototype.query).toBe(original);
  });
});
