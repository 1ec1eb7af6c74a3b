import { inventoryStream } from '@gatehouse/events/inventory';
import { release } from '@gatehouse/domain/release';
import type { CartFinder, Where } from './carts/find';
import { withFreshFacts } from './fresh-facts';
import type { InventoryStreams } from './inventory-streams';
import type { By } from './asker';
import type { FactsReader } from './shop/facts';

type Parts = {
  readonly streams: InventoryStreams;
  readonly facts: FactsReader;
  readonly carts: CartFinder;
  /** Throws StoreUnavailable when read models stay behind their history. */
  mustBeCaughtUp(models: readonly ('carts' | 'shop')[]): Promise<void>;
};

/** Deletes a position that is served (contract §8.2); false: there is none. */
export async function releaseCart(
  { streams, facts: reader, carts, mustBeCaughtUp }: Parts,
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
  await mustBeCaughtUp(['carts', 'shop']);
  const row = await carts.find(where, id);
  if (!row) return deletedBefore();
  const { imported, guid, ...shown } = row;
  const cart = { ...shown, seat: guid };
  const outcome = await withFreshFacts(async () => {
    const facts = await reader.terms(where, row.voucher);
    const { result } = await streams.transact(stream, release({ ...where, ...facts, imported, cart }), by);
    return result.outcome === 'stale' ? undefined : result.outcome;
  });
  return outcome === 'released' || deletedBefore();
}
