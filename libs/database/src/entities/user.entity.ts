import { Column, Entity, PrimaryGeneratedColumn, Unique } from 'typeorm';

/** A row of `users`. Constraint names are written down so that the migration and the entity agree on them. */
@Entity({ name: 'users' })
@Unique('users_email_key', ['email'])
export class User {
  /** 64 bit: `pg` hands it over as text, because a JavaScript number cannot hold all of them. */
  @PrimaryGeneratedColumn({ type: 'bigint', primaryKeyConstraintName: 'users_pkey' })
  id!: string;

  @Column({ type: 'text' })
  email!: string;

  @Column({ type: 'text' })
  name!: string;

  @Column({ name: 'created_at', type: 'timestamp with time zone', default: () => 'now()' })
  createdAt!: Date;
}
