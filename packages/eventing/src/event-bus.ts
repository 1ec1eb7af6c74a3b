import type { Context, Envelope } from '@gatehouse/events/envelope';
import type { PoolClient } from 'pg';

/** A transaction in the consumer's database. */
export type Tx = Pick<PoolClient, 'query'>;

/** Carries events to foreign contexts and to analysts; a context's own projections follow their own store (design §8). */
export interface EventBus {
  /** At least once; the first occurrences of one stream's events keep their order. */
  publish(events: readonly Envelope[]): Promise<void>;
  /**
   * Hands the events of foreign contexts to the group, at least once, until aborted. The adapter opens the transaction, locks and checks the group's
   * checkpoint, calls `handle`, moves the checkpoint and commits: for a projection, effect and checkpoint are one transaction.
   */
  consume(
    group: string,
    topics: readonly Context[],
    handle: (tx: Tx, batch: readonly Envelope[]) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void>;
}
