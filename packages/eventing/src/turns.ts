import type { Tx } from './event-bus';
import { lockKey } from './postgres';

/**
 * Waits for its turn at a read model, until the end of the transaction. Where one feed changes counts by what the other feed has
 * written, their transactions must follow one another. The lock is per schema: a rebuild beside the live tables does not wait for them.
 */
export const takeTurn = (tx: Tx, readModel: string) =>
  tx.query({
    name: `${readModel}_turn`,
    text: 'select pg_advisory_xact_lock(hashtextextended(current_schema(), $1))',
    values: [lockKey(readModel, 'turn')],
  });
