import { describe, expect, it } from '@jest/globals';
import { migrations } from '#migrations';
import { compareMigrations } from './migration-status.js';

const names = migrations.map(({ name }) => name);

describe('compareMigrations', () => {
  it('finds all pending in an empty database', () => {
    expect(compareMigrations([])).toEqual({ pending: names, unknown: [] });
  });

  it('finds nothing to do once all are applied', () => {
    expect(compareMigrations(names)).toEqual({ pending: [], unknown: [] });
  });

  it('tells those of a newer release apart', () => {
    const status = compareMigrations([...names, 'AddFavourites1999999999999']);

    expect(status).toEqual({ pending: [], unknown: ['AddFavourites1999999999999'] });
  });
});

describe('migrations', () => {
  it('are listed by the timestamp that ends each name', () => {
    const timestamps = names.map((name) => Number(/\d{13}$/.exec(name)?.[0]));

    expect(timestamps).toEqual(timestamps.toSorted((a, b) => a - b));
    expect(timestamps).not.toContain(Number.NaN);
  });
});
