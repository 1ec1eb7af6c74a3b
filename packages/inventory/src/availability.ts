import { inventoryStream } from '@gatehouse/events/inventory';
import type { Inventory } from '@gatehouse/domain/inventory';
import {
  availabilityOf,
  isClosed,
  takenOf,
  type Availability,
  type QuotaFacts,
  type Taken,
} from '@gatehouse/domain/quota';
import { isStale, learn } from '@gatehouse/domain/shop-facts';
import type { Where } from './carts/find';
import { withFreshFacts, type LearnedRevisions } from './fresh-facts';
import type { InventoryStreams } from './inventory-streams';
import type { FactsReader } from './shop/facts';

/** What is known of a quota as of one instant: what the shop states, what is taken, and what is left (contract §2.7). */
export type QuotaState = {
  readonly quota: QuotaFacts;
  /** By the shop, or by itself since the shop's newest statement. */
  readonly closed: boolean;
  readonly taken: Taken;
  readonly availability: Availability;
};

type Parts = {
  readonly streams: InventoryStreams;
  readonly facts: FactsReader;
  readonly learned: LearnedRevisions;
};

/** Of each quota that exists what is left of it, all as of one moment and confirmed by the store. Writes nothing. */
export function quotaStates(
  { streams, facts: reader, learned }: Parts,
  where: Where,
  quotas: readonly number[],
): Promise<ReadonlyMap<number, QuotaState>> {
  const stream = inventoryStream(where.organizer, where.event);
  return withFreshFacts(async () => {
    const facts = await reader.quotas(where, quotas, learned.of(stream));
    const { result, state } = await streams.transact(
      stream,
      (inventory) => ({ result: statesOf({ ...where, ...facts }, inventory), events: [] }),
      { actor: 'system:availability', trace: null },
    );
    learned.saw(stream, state);
    return result;
  });
}

/** Undefined when facts are too old. New terms of vouchers count; the next decision writes them down. */
function statesOf(
  facts: Where & Awaited<ReturnType<FactsReader['quotas']>>,
  inventory: Inventory,
): ReadonlyMap<number, QuotaState> | undefined {
  if (isStale(facts.shop, inventory)) return undefined;
  const { known } = learn(facts, inventory);
  return new Map(
    facts.quotas.map((quota) => {
      const taken = takenOf(quota, known, facts.now);
      return [
        quota.id,
        { quota, closed: isClosed(quota, known), taken, availability: availabilityOf(quota, known, facts.now) },
      ];
    }),
  );
}
