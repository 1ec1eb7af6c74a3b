import { inventoryStream } from '@gatehouse/events/inventory';
import { release } from '@gatehouse/domain/release';
import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import type { CartFinder, Where } from './carts/find';
import type { InventoryStreams } from './inventory-streams';
import type { By } from './asker';

type Parts = {
  readonly streams: InventoryStreams;
  readonly carts: CartFinder;
  /** Waits until read models have applied all that this context's history holds, bounded. */
  caughtUp(models: readonly ('carts' | 'shop')[]): Promise<boolean>;
};

/** Deletes a position that is served (contract §8.2); false: there is none. */
export async function releaseCart(
  { streams, carts, caughtUp }: Parts,
  { where, id, by }: { readonly where: Where; readonly id: number; readonly by: By },
): Promise<boolean> {
  const stream = inventoryStream(where.organizer, where.event);
  /** What a request that runs again has deleted is gone, and is deleted all the same. */
  const deletedBefore = async (): Promise<boolean> => {
    if (by.request === undefined) return false;
    const recalled = await streams.recall(stream, by.request);
    return recalled?.events.some(({ type }) => type === 'CartReleased') ?? false;
  };
  // The row must be newer than what was decided: a position that was released once looks like one that has expired.
  if (!(await caughtUp(['carts', 'shop']))) throw new StoreUnavailable('carts and shop are behind their history');
  const row = await carts.find(where, id);
  if (!row) return deletedBefore();
  const { imported, guid, now, ...shown } = row;
  const facts = { ...where, now, imported, cart: { ...shown, seat: guid } };
  const { result } = await streams.transact(stream, release(facts), by);
  if (result.outcome === 'gone') return deletedBefore();
  if (imported) await leftOut(caughtUp);
  return true;
}

/**
 * A position of the shop counts until the shop's counts leave it out. Whoever has deleted it finds its place free, but for a read model
 * that is far behind: the deletion is recorded whatever becomes of that.
 */
async function leftOut(caughtUp: Parts['caughtUp']): Promise<void> {
  try {
    await caughtUp(['shop']);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
  }
}
