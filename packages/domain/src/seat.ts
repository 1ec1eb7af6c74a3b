import type { Instant } from './instant';
import { holdersOf, type Inventory } from './inventory';

/** The holders of a seat according to the shop. */
type SeatHolders = {
  readonly guid: string;
  /** A position of a paid or pending order has it. */
  readonly sold: boolean;
  /** Vouchers bound to it that are valid and not used up, by id. */
  readonly vouchers: readonly number[];
  /** The shop's carts that have neither expired nor been released here. */
  readonly carts: readonly { readonly id: number; readonly cart_id: string }[];
};

/** The seat's place in its plan; null: unknown, so it is not near any other. */
type Place = { readonly row: string | null; readonly x: number | null; readonly y: number | null };

export type SeatFacts = SeatHolders &
  Place & {
    /** The name in messages (contract §2.8). */
    readonly name: string;
    readonly blocked: boolean;
    /** The other seats of the date that may be within the minimal distance; more are harmless. Empty without such a rule. */
    readonly near: readonly (SeatHolders & Place)[];
  };

/** The event's settings for seats. */
export type SeatingRules = {
  /** In the unit of the plan; 0: no rule. */
  readonly minimalDistance: number;
  readonly withinRow: boolean;
  /** The sales channels that may take blocked seats. */
  readonly blockedFor: readonly string[];
};

/** The requester of a seat. */
export type SeatAsk = {
  readonly date: number | null;
  readonly cart_id: string;
  readonly sales_channel: string | null;
  /** The voucher that is used: its own hold on the seat does not count. */
  readonly voucher: number | null;
  readonly now: Instant;
};

/** Whether a seat is available now (contract §2.8). */
export function seatIsAvailable(seat: SeatFacts, rules: SeatingRules, ask: SeatAsk, inventory: Inventory): boolean {
  if (seat.blocked && !rules.blockedFor.includes(ask.sales_channel ?? '')) return false;
  if (isTaken(seat, ask, inventory, () => true)) return false;
  if (rules.minimalDistance <= 0) return true;
  // The distance rule does not apply within one cart.
  const foreign = (cart: { readonly cart_id: string }) => cart.cart_id !== ask.cart_id;
  return !seat.near.some((other) => isNear(seat, other, rules) && isTaken(other, ask, inventory, foreign));
}

function isTaken(
  seat: SeatHolders,
  ask: SeatAsk,
  inventory: Inventory,
  counts: (cart: { readonly cart_id: string }) => boolean,
): boolean {
  return (
    seat.sold ||
    seat.vouchers.some((voucher) => voucher !== ask.voucher) ||
    seat.carts.some(counts) ||
    holdersOf(inventory, ask.date, seat.guid, ask.now).some(counts)
  );
}

function isNear(seat: SeatHolders & Place, other: SeatHolders & Place, rules: SeatingRules): boolean {
  if (other.guid === seat.guid || (rules.withinRow && other.row !== seat.row)) return false;
  if (seat.x === null || seat.y === null || other.x === null || other.y === null) return false;
  return (seat.x - other.x) ** 2 + (seat.y - other.y) ** 2 < rules.minimalDistance ** 2;
}
