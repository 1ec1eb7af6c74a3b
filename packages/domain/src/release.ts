import type { CartExpired, CartReleased } from '@gatehouse/events/inventory';
import type { Decision } from './decider';
import { earlier, type Instant } from './instant';
import { dueAt, type Inventory } from './inventory';
import { coveredUntil, type Cart } from './ledger';
import { find } from './ordered';
import { isOlder, type ShopFacts } from './shop-facts';
import type { VoucherTerms } from './voucher';

/** A cart position from a read model, and the revision of that. */
export type ReleaseFacts = {
  readonly organizer: string;
  readonly event: string;
  readonly now: Instant;
  /** Whether it is a cart of the shop; otherwise it was made by Gatehouse. */
  readonly imported: boolean;
  readonly cart: Omit<Cart, 'covered'>;
  /** The terms of the cart's voucher; null without one. */
  readonly terms: VoucherTerms | null;
  readonly shop: Pick<ShopFacts, 'revision'>;
};

/** `gone`: it was released before. `stale`: read the facts again. */
export type ReleaseOutcome = 'released' | 'gone' | 'stale';

/**
 * Deletes a cart position (contract §8.2), even an expired one. One of the shop stays deleted, whatever the shop states
 * later. A repeat does nothing.
 */
export const release =
  (facts: ReleaseFacts) =>
  (inventory: Inventory): Decision<{ outcome: ReleaseOutcome }, CartReleased> => {
    const { organizer, event, now, imported, cart, terms, shop } = facts;
    const held = find(inventory.held, cart.id);
    if (!held && isGone(facts, inventory)) return { result: { outcome: 'gone' }, events: [] };
    if (!held && isOlder(shop, inventory)) return { result: { outcome: 'stale' }, events: [] };
    const covered_until = held ? held.covered : coveredUntil(cart.expires, terms);
    const { id, cart_id, item, variation, date, voucher, seat, expires } = held ?? cart;
    const data = { id, cart_id, item, variation, date, voucher, seat, expires };
    return {
      result: { outcome: 'released' },
      events: [
        {
          type: 'CartReleased',
          data: {
            organizer,
            event,
            ...data,
            imported: imported && !held,
            covered_until,
            facts_revision: shop.revision,
            datetime: now,
          },
        },
      ],
    };
  };

/** Our position leaves the state when it is released or has expired; before it expires, it can only have been released. */
const isGone = ({ cart, imported, now }: ReleaseFacts, { released }: Inventory): boolean =>
  find(released, cart.id) !== undefined || (!imported && !earlier(cart.expires, now));

/**
 * Records expired reservations, the earliest first, at most `limit` at a time, to keep appends small. They have stopped
 * counting already: this removes them from the state and publishes the fact.
 */
export const expireDue =
  (where: { readonly organizer: string; readonly event: string }, now: Instant, limit: number) =>
  (inventory: Inventory): Decision<{ expired: number }, CartExpired> => {
    const due = dueAt(inventory, now, limit);
    return {
      result: { expired: due.length },
      events: due.map(({ covered: _covered, request: _request, ...cart }) => ({
        type: 'CartExpired' as const,
        data: { ...where, ...cart },
      })),
    };
  };
