import type { Tx } from './event-bus';
import { readModelLock } from './inline';

/**
 * Locks a read model to the end of the transaction. Where each of two feeds changes counts by what the other one has written, their
 * transactions must follow one another. The lock is per schema: a rebuild beside the live tables does not wait for them.
 */
export const lockReadModel = (tx: Tx, readModel: string) =>
  tx.query({
    name: `${readModel}_lock`,
    text: 'select pg_advisory_xact_lock(hashtextextended(current_schema(), $1))',
    values: [readModelLock(readModel)],
  });
