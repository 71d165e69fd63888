import { Column, Entity, Index, JoinColumn, ManyToOne, PrimaryGeneratedColumn, type Relation } from 'typeorm';
import { User } from './user.entity.js';

/** A row of `orders`; it goes when its user goes. */
@Entity({ name: 'orders' })
@Index('orders_user_id_idx', ['userId'])
export class Order {
  /** 64 bit, as text (see {@link User.id}). */
  @PrimaryGeneratedColumn({ type: 'bigint', primaryKeyConstraintName: 'orders_pkey' })
  id!: string;

  @Column({ name: 'user_id', type: 'bigint' })
  userId!: string;

  @ManyToOne(() => User, { onDelete: 'CASCADE' })
  @JoinColumn({ name: 'user_id', foreignKeyConstraintName: 'orders_user_id_fkey' })
  user!: Relation<User>;

  /** Whole cents, 64 bit, as text. */
  @Column({ name: 'amount_cents', type: 'bigint' })
  amountCents!: string;

  @Column({ type: 'text', default: 'new' })
  status!: string;

  @Column({ name: 'created_at', type: 'timestamp with time zone', default: () => 'now()' })
  createdAt!: Date;
}
