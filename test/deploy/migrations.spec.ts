/**
 * Two versions run side by side during each rollout, and a rollback leaves the newer schema to the older version: a
 * migration only adds. One that takes away says why that is safe by now (docs/how-to/migrations.md).
 */
import { describe, expect, it } from '@jest/globals';
import { type MigrationInterface, type QueryRunner, TableColumn, TableForeignKey } from 'typeorm';
import { migrations } from '#migrations';
import { destructiveSteps, type MigrationClass } from '../support/destructive.js';

const doing = (up: (queryRunner: QueryRunner) => Promise<unknown>): MigrationInterface => ({
  up: async (queryRunner) => void (await up(queryRunner)),
  down: () => Promise.resolve(),
});
const saying = (sql: string): MigrationInterface => doing((queryRunner) => queryRunner.query(sql));

describe('the migrations', () => {
  it.each(migrations.map((migration: MigrationClass) => [migration.name, migration] as const))(
    'take nothing away without a mark, and have no mark without that: %s',
    async (_name, Migration) => {
      const steps = await destructiveSteps(new Migration());

      if (Migration.contract === undefined) expect(steps).toEqual([]);
      else
        expect([Migration.contract, steps]).toEqual([
          expect.stringMatching(/\S+ \S+/),
          expect.arrayContaining([expect.any(String)]),
        ]);
    },
  );
});

describe('a migration that takes something away', () => {
  it.each([
    'DROP TABLE orders',
    'drop table if exists orders cascade',
    'ALTER TABLE users DROP COLUMN name',
    'ALTER TABLE users DROP name',
    'ALTER TABLE users RENAME COLUMN name TO full_name',
    'ALTER TABLE users RENAME TO people',
    'ALTER TABLE orders ALTER COLUMN amount_cents TYPE integer',
    'ALTER TABLE orders ALTER amount_cents SET DATA TYPE integer',
    'ALTER TABLE users ALTER COLUMN name SET NOT NULL',
    'ALTER TABLE orders ALTER COLUMN status DROP DEFAULT',
    'ALTER TABLE users ADD COLUMN phone text NOT NULL',
    'ALTER TABLE users ADD CONSTRAINT users_name_key UNIQUE (name)',
    'ALTER TABLE users ADD UNIQUE (name)',
    'ALTER TABLE orders ADD CHECK (amount_cents > 0)',
    'CREATE UNIQUE INDEX users_name ON users (name)',
    'ALTER TABLE users ENABLE ROW LEVEL SECURITY',
    'DROP EXTENSION citext',
    'TRUNCATE users',
    'DELETE FROM orders WHERE amount_cents = 0',
    'REVOKE SELECT ON users FROM app',
    "UPDATE users SET name = 'x'; -- harmless so far\n DROP TABLE orders;",
  ])('is found: %s', async (sql) => {
    expect(await destructiveSteps(saying(sql))).toHaveLength(1);
  });

  it('is found where it uses no SQL', async () => {
    const steps = await destructiveSteps(
      doing(async (queryRunner) => {
        await queryRunner.dropColumn('users', 'name');
        await queryRunner.renameTable('users', 'people');
        await queryRunner.addColumn('users', new TableColumn({ name: 'phone', type: 'text' }));
        const key = { columnNames: ['user_id'], referencedTableName: 'users', referencedColumnNames: ['id'] };
        await queryRunner.createForeignKey('orders', new TableForeignKey(key));
      }),
    );

    expect(steps).toEqual(['dropColumn', 'renameTable', 'addColumn', 'createForeignKey']);
  });
});

describe('a migration that only adds', () => {
  it('passes where it uses no SQL', async () => {
    const columns = [
      new TableColumn({ name: 'phone', type: 'text', isNullable: true }),
      new TableColumn({ name: 'language', type: 'text', default: "'en'" }),
    ];

    expect(await destructiveSteps(doing((queryRunner) => queryRunner.addColumns('users', columns)))).toEqual([]);
  });

  it.each([
    'CREATE TABLE a (id bigint NOT NULL, b text CONSTRAINT b_key UNIQUE)',
    'ALTER TABLE users ADD COLUMN phone text',
    "ALTER TABLE users ADD COLUMN phone text NOT NULL DEFAULT ''",
    'ALTER TABLE users ALTER COLUMN name DROP NOT NULL',
    'ALTER TABLE orders DROP CONSTRAINT orders_status_check',
    'CREATE INDEX CONCURRENTLY a ON users (name)',
    'DROP INDEX a',
    "INSERT INTO users (email, name) VALUES ('a', 'b') -- DROP TABLE users",
  ])('passes: %s', async (sql) => {
    expect(await destructiveSteps(saying(sql))).toEqual([]);
  });
});
