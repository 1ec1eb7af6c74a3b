import { restore, type Batch, type Inventory, type Released, type Reservation } from '@gatehouse/domain/inventory';
import { inTransaction } from '@gatehouse/eventing/postgres';
import type { Known } from '@gatehouse/eventing/streams';
import type { Pool } from 'pg';
import { STREAMS } from './changes';
import { cartsModel } from './read-model';

/**
 * The folded state of a stream `inventory-<organizer>/<event>` as the read model `carts` has it, and the number of events that it follows
 * from: a hint, never trusted without the store's word. Undefined when nothing of the stream was applied, or not all of it, or by another
 * release. Rejects with StoreUnavailable.
 */
export async function storedInventory(pool: Pool, stream: string): Promise<Known<Inventory> | undefined> {
  const event = stream.slice(STREAMS.length);
  return inTransaction(pool, async (tx) => {
    // All parts as of one moment. The first read's lock keeps a rebuild from putting other tables in the place of the rest.
    await tx.query('set transaction isolation level repeatable read read only');
    const rowsOf = async <Row extends object>(text: string) => (await tx.query<Row>(text, [event])).rows;
    const [at] = await rowsOf<{ revision: number; learned: number }>(
      `select revision, learned from inventories where event = $1 and whole
         and exists (select 1 from read_models where name = '${cartsModel.name}' and version = ${cartsModel.version})`,
    );
    if (!at) return undefined;
    const state = restore({
      format: 2,
      held: await rowsOf<Reservation>(
        `select id, cart_id, item, variation, date, voucher, seat, expires, covered, request
         from carts where event = $1 and held order by id`,
      ),
      released: await rowsOf<Released>('select id, expires from released_carts where event = $1 order by id'),
      batches: await rowsOf<Batch>(
        'select id, item, variation, date, amount, places from place_batches where event = $1 order by id',
      ),
      closed: (
        await rowsOf<{ quota: number; revision: number }>(
          'select quota, revision from closed_quotas where event = $1 order by quota',
        )
      ).map(({ quota, revision }) => [quota, revision]),
      learnedRevision: at.learned,
    });
    return state && { state, revision: at.revision };
  });
}
