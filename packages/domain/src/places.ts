import type { InventoryEvent, PlacesRefused, PlacesReturned } from '@gatehouse/events/inventory';
import type { Decision } from './decider';
import type { Instant } from './instant';
import type { Batch, Inventory } from './inventory';
import type { Product } from './ledger';
import { find } from './ordered';
import { askQuotas, exhaustedText, noQuotaText, quotasOf, type QuotaFacts } from './quota';
import { isStale, learn, type ShopFacts } from './shop-facts';

/** A request for the places of a batch of offline tickets. */
export type PlacesAsk = Product & { readonly batch: string; readonly amount: number };

/** The shop's facts that it needs, as of one instant. */
export type PlacesFacts = {
  readonly organizer: string;
  readonly event: string;
  readonly now: Instant;
  readonly product: { readonly name: string };
  readonly quotas: readonly QuotaFacts[];
  readonly shop: ShopFacts;
};

export type PlacesOutcome =
  /** `first` false: an earlier attempt has taken them. */
  | { readonly outcome: 'taken'; readonly first: boolean }
  /** They were taken and have been returned: a batch cannot be made again. */
  | { readonly outcome: 'returned' }
  /** `first` false: an earlier attempt was refused. There may be enough places now, but its batch has failed. */
  | { readonly outcome: 'refused'; readonly first: boolean }
  | { readonly outcome: 'stale' };

/**
 * Takes all places of a batch on all quotas of its product, or refuses them with the quota's message (contract §9.3, §9.4).
 * A repeat changes nothing, even if it would be decided otherwise now.
 */
export const takePlaces =
  (facts: PlacesFacts, ask: PlacesAsk) =>
  (inventory: Inventory): Decision<PlacesOutcome, InventoryEvent> => {
    const before = find(inventory.batches, ask.batch);
    if (before) return { result: earlierOutcome(before), events: [] };
    if (isStale(facts.shop, inventory)) return { result: { outcome: 'stale' }, events: [] };
    const { known, learned } = learn(facts, inventory);
    const { organizer, event, now } = facts;
    const { batch, item, variation, date, amount } = ask;
    const asked = askQuotas(quotasOf(facts.quotas, ask), known, { organizer, event, now, amount });
    const last = asked.at(-1);
    const wanted = { organizer, event, batch, item, variation, date, amount, datetime: now };
    if (last?.enough) {
      const quotas = asked.map(({ quota, left }) => ({ quota: quota.id, left }));
      return {
        result: { outcome: 'taken', first: true },
        events: [...learned, { type: 'PlacesTaken', data: { ...wanted, quotas } }],
      };
    }
    const refused: PlacesRefused = {
      type: 'PlacesRefused',
      data: last
        ? { ...wanted, reason: 'quota_exhausted', quota: last.quota.id, message: exhaustedText(last.quota.name) }
        : { ...wanted, reason: 'no_quota', quota: null, message: noQuotaText(facts.product.name) },
    };
    return {
      result: { outcome: 'refused', first: true },
      events: [...learned, ...(last?.closing ? [last.closing] : []), refused],
    };
  };

function earlierOutcome({ places }: Batch): PlacesOutcome {
  return places === 'returned' ? { outcome: 'returned' } : { outcome: places, first: false };
}

/** Returns the places of a batch that was not made. A repeat does nothing. */
export const returnPlaces =
  (where: { readonly organizer: string; readonly event: string }, batch: string) =>
  ({ batches }: Inventory): Decision<{ returned: boolean }, PlacesReturned> => {
    const taken = find(batches, batch);
    if (taken?.places !== 'taken') return { result: { returned: false }, events: [] };
    const { item, variation, date, amount } = taken;
    return {
      result: { returned: true },
      events: [{ type: 'PlacesReturned', data: { ...where, batch, item, variation, date, amount } }],
    };
  };
