import type { InventoryEvent, PlacesReturned } from '@gatehouse/events/inventory';
import type { Decision } from './decider';
import type { Instant } from './instant';
import type { Inventory } from './inventory';
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
  | {
      readonly outcome: 'refused';
      readonly reason: 'no_quota' | 'quota_exhausted';
      readonly text: string;
      readonly quota: number | null;
    }
  | { readonly outcome: 'stale' };

/** Takes all places of a batch on all quotas of its product, or none (contract §9.3). A repeat takes nothing. */
export const takePlaces =
  (facts: PlacesFacts, ask: PlacesAsk) =>
  (inventory: Inventory): Decision<PlacesOutcome, InventoryEvent> => {
    const before = find(inventory.batches, ask.batch);
    if (before) {
      return { result: before.returned ? { outcome: 'returned' } : { outcome: 'taken', first: false }, events: [] };
    }
    if (isStale(facts.shop, inventory)) return { result: { outcome: 'stale' }, events: [] };
    const { known, learned } = learn(facts, inventory);
    const { organizer, event, now } = facts;
    const { batch, item, variation, date, amount } = ask;
    const asked = askQuotas(quotasOf(facts.quotas, ask), known, { organizer, event, now, amount });
    const last = asked.at(-1);
    if (!last) return { result: refused('no_quota', noQuotaText(facts.product.name), null), events: learned };
    if (!last.enough) {
      return {
        result: refused('quota_exhausted', exhaustedText(last.quota.name), last.quota.id),
        events: last.closing ? [...learned, last.closing] : learned,
      };
    }
    const quotas = asked.map(({ quota, left }) => ({ quota: quota.id, left }));
    const data = { organizer, event, batch, item, variation, date, amount, datetime: now, quotas };
    return { result: { outcome: 'taken', first: true }, events: [...learned, { type: 'PlacesTaken', data }] };
  };

/** Returns the places of a batch that was not made. A repeat does nothing. */
export const returnPlaces =
  (where: { readonly organizer: string; readonly event: string }, batch: string) =>
  ({ batches }: Inventory): Decision<{ returned: boolean }, PlacesReturned> => {
    const taken = find(batches, batch);
    if (!taken || taken.returned) return { result: { returned: false }, events: [] };
    const { item, variation, date, amount } = taken;
    return {
      result: { returned: true },
      events: [{ type: 'PlacesReturned', data: { ...where, batch, item, variation, date, amount } }],
    };
  };

const refused = (reason: 'no_quota' | 'quota_exhausted', text: string, quota: number | null): PlacesOutcome => ({
  outcome: 'refused',
  reason,
  text,
  quota,
});
