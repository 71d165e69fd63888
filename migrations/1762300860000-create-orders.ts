import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateOrders1762300860000 implements MigrationInterface {
  async up(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query(`
      CREATE TABLE orders (
        id bigserial CONSTRAINT orders_pkey PRIMARY KEY,
        user_id bigint NOT NULL CONSTRAINT orders_user_id_fkey REFERENCES users (id) ON DELETE CASCADE,
        amount_cents bigint NOT NULL,
        status text NOT NULL DEFAULT 'new',
        created_at timestamptz NOT NULL DEFAULT now()
      )
    `);
    // Postgres does not index a foreign key by itself; without this, deleting a user reads all orders.
    await queryRunner.query('CREATE INDEX orders_user_id_idx ON orders (user_id)');
  }

  async down(queryRunner: QueryRunner): Promise<void> {
    await queryRunner.query('DROP TABLE orders');
  }
}
