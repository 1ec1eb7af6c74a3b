import type { CartExpired, CartReleased } from '@gatehouse/events/inventory';
import type { Decision } from './decider';
import { earlier, type Instant } from './instant';
import { dueAt, type Inventory } from './inventory';
import type { Cart } from './ledger';
import { find } from './ordered';

/** A cart position from a read model, and when it was read. */
export type ReleaseFacts = {
  readonly organizer: string;
  readonly event: string;
  readonly now: Instant;
  /** Whether it is a cart of the shop; otherwise it was made by Gatehouse. */
  readonly imported: boolean;
  readonly cart: Omit<Cart, 'covered'>;
};

/** `gone`: it was released before. */
export type ReleaseOutcome = 'released' | 'gone';

/**
 * Deletes a cart position (contract §8.2), even an expired one. One of the shop stays deleted, whatever the shop states
 * later, and counts until the shop's facts leave it out: nothing is subtracted from them, since they may have changed in the
 * meantime. A repeat does nothing.
 */
export const release =
  (facts: ReleaseFacts) =>
  (inventory: Inventory): Decision<{ outcome: ReleaseOutcome }, CartReleased> => {
    const { organizer, event, now, imported, cart } = facts;
    const held = find(inventory.held, cart.id);
    if (!held && isGone(facts, inventory)) return { result: { outcome: 'gone' }, events: [] };
    const { id, cart_id, item, variation, date, voucher, seat, expires } = held ?? cart;
    const about = { organizer, event, id, cart_id, item, variation, date, voucher, seat, expires };
    const data = { ...about, imported: imported && !held, datetime: now };
    return { result: { outcome: 'released' }, events: [{ type: 'CartReleased', data }] };
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
