import type { CartReserved, InventoryEvent } from '@gatehouse/events/inventory';
import type { Decision } from './decider';
import type { Instant } from './instant';
import { inventory as decider, type Inventory } from './inventory';
import { coveredUntil, type Product } from './ledger';
import { find } from './ordered';
import { askQuotas, exhaustedText, noQuotaText, quotasOf, type Asked, type QuotaFacts } from './quota';
import { seatIsAvailable, type SeatFacts, type SeatingRules } from './seat';
import { isStale, learn, type ShopFacts } from './shop-facts';
import { applies, isExpired, usesLeft, type VoucherFacts } from './voucher';

/** The shop's facts that a reservation needs, all as of one instant. */
export type HoldFacts = {
  readonly organizer: string;
  readonly event: string;
  /** When the facts were read; the decision is made as of that time. */
  readonly now: Instant;
  readonly product: {
    /** The name in messages. */
    readonly name: string;
    /** Whether the date's seating maps a category of seats to the product. */
    readonly seated: boolean;
  };
  /** Must include those of the product on the date; others are ignored. */
  readonly quotas: readonly QuotaFacts[];
  readonly seating: SeatingRules;
  /** The requested seat; null: none is requested, or the date has no such seat. */
  readonly seat: SeatFacts | null;
  /** The requested voucher; null: none is requested, or the event has no such voucher. */
  readonly voucher: VoucherFacts | null;
  readonly shop: ShopFacts;
};

/** A request for one place. */
export type Hold = Product & {
  /** Id of the resulting cart position. */
  readonly id: number;
  readonly cart_id: string;
  /** Identifies the request and the place in its list: a repeat under the same name is not reserved again. null: no name. */
  readonly request: string | null;
  /** Two decimals. Not checked (contract §8.3). */
  readonly price: string;
  readonly includes_tax: boolean;
  /** A seat's guid. */
  readonly seat: string | null;
  /** A voucher's code. */
  readonly voucher: string | null;
  readonly sales_channel: string | null;
  /** May be in the past: then the reservation never counts. */
  readonly expires: Instant;
  readonly attendee_name_parts: Readonly<Record<string, unknown>>;
  readonly attendee_email: string | null;
  readonly answers: CartReserved['data']['answers'];
};

export type Reason = (typeof CHECKS)[number]['reason'];

/** A refusal. `text` is the API's message (contract §8.4); `quota` is the one without enough places. */
export type Refused = {
  readonly outcome: 'refused';
  readonly reason: Reason;
  readonly text: string;
  readonly quota: number | null;
};

export type Held =
  /** `first` false: an earlier attempt has reserved it under this id. */
  | { readonly outcome: 'held'; readonly id: number; readonly first: boolean }
  | Refused
  /** Something was decided on newer facts: read the facts again and repeat the decision. */
  | { readonly outcome: 'stale' };

/** The request for one place with the facts and the state for its decision. */
type Attempt = {
  readonly facts: HoldFacts;
  readonly ask: Hold;
  readonly inventory: Inventory;
  /** The quotas checked so far, up to the first without enough places. */
  readonly asked: readonly Asked[];
};

type Check = {
  readonly reason: string;
  refuses(attempt: Attempt): boolean;
  text(attempt: Attempt): string;
};

const always = (text: string) => () => text;

/**
 * The refusals in their order, with their texts (contract §8.4). The contract's fifth, a seat that is not unique, cannot
 * happen: the import refuses such a plan.
 */
const CHECKS = [
  {
    reason: 'no_quota',
    refuses: ({ asked }) => asked.length === 0,
    text: ({ facts }) => noQuotaText(facts.product.name),
  },
  {
    reason: 'quota_exhausted',
    refuses: (attempt) => exhausted(attempt) !== undefined,
    text: (attempt) => exhaustedText(exhausted(attempt)?.quota.name),
  },
  {
    reason: 'seat_not_allowed',
    refuses: ({ ask, facts }) => ask.seat !== null && !facts.product.seated,
    text: always('The specified product does not allow to choose a seat.'),
  },
  {
    reason: 'seat_unknown',
    refuses: ({ ask, facts }) => ask.seat !== null && facts.seat === null,
    text: always('The specified seat does not exist.'),
  },
  {
    reason: 'seat_required',
    refuses: ({ ask, facts }) => ask.seat === null && facts.product.seated,
    text: always('The specified product requires to choose a seat.'),
  },
  {
    reason: 'voucher_unknown',
    refuses: ({ ask, facts }) => ask.voucher !== null && facts.voucher === null,
    text: always('The specified voucher does not exist.'),
  },
  {
    reason: 'voucher_not_applicable',
    refuses: ({ ask, facts: { voucher } }) => voucher !== null && !applies(voucher, ask),
    text: always('The specified voucher is not valid for the given item and variation.'),
  },
  {
    reason: 'voucher_of_other_seat',
    refuses: ({ ask, facts: { voucher } }) => isBoundElsewhere(voucher?.seat, ask.seat),
    text: always('The specified voucher is not valid for this seat.'),
  },
  {
    reason: 'voucher_of_other_date',
    refuses: ({ ask, facts: { voucher } }) => isBoundElsewhere(voucher?.date, ask.date),
    text: always('The specified voucher is not valid for this subevent.'),
  },
  {
    reason: 'voucher_expired',
    refuses: ({ facts: { voucher, now } }) => voucher !== null && isExpired(voucher, now),
    text: always('The specified voucher is expired.'),
  },
  {
    reason: 'voucher_used_up',
    refuses: ({ facts: { voucher, now }, inventory }) => voucher !== null && usesLeft(voucher, inventory, now) < 1,
    text: always('The specified voucher has already been used the maximum number of times.'),
  },
  {
    reason: 'seat_taken',
    refuses: (attempt) => attempt.facts.seat !== null && !canSit(attempt, attempt.facts.seat),
    text: ({ facts }) => `The selected seat "${facts.seat?.name}" is not available.`,
  },
] as const satisfies readonly Check[];

const exhausted = ({ asked }: Pick<Attempt, 'asked'>): Asked | undefined => asked.find(({ enough }) => !enough);

/** Whether a voucher is bound to another seat, date or similar than the requested one. */
const isBoundElsewhere = <T>(bound: T | null | undefined, wanted: T | null): boolean =>
  bound !== null && bound !== undefined && bound !== wanted;

function canSit({ facts, ask, inventory }: Attempt, seat: SeatFacts): boolean {
  const { date, cart_id, sales_channel } = ask;
  const voucher = facts.voucher?.id ?? null;
  return seatIsAvailable(seat, facts.seating, { date, cart_id, sales_channel, voucher, now: facts.now }, inventory);
}

/**
 * Reserves one place on all its quotas, with its seat and its voucher, or not at all (contract §8.4). A repeat under the
 * same name reserves nothing and returns the first result. A refusal may have events, too: a quota closes when it is found
 * sold out.
 */
export const hold =
  (facts: HoldFacts, ask: Hold) =>
  (inventory: Inventory): Decision<Held, InventoryEvent> => {
    const earlier = reservedAs(ask, inventory);
    if (earlier !== undefined) return { result: { outcome: 'held', id: earlier, first: false }, events: [] };
    if (isStale(facts.shop, inventory)) return { result: { outcome: 'stale' }, events: [] };

    const { known, learned } = learn(facts, inventory);
    const { organizer, event, now } = facts;
    const asked = askQuotas(quotasOf(facts.quotas, ask), known, { organizer, event, now, amount: 1 });
    const attempt: Attempt = { facts, ask, inventory: known, asked };
    const failed = CHECKS.find((check) => check.refuses(attempt));
    if (!failed) {
      return { result: { outcome: 'held', id: ask.id, first: true }, events: [...learned, reserved(attempt)] };
    }
    const { quota = null, closing = null } = exhausted(attempt) ?? {};
    return {
      result: { outcome: 'refused', reason: failed.reason, text: failed.text(attempt), quota: quota?.id ?? null },
      events: closing ? [...learned, closing] : learned,
    };
  };

/**
 * Reserves places one after another (contract §8.6): each is reserved or refused separately, and reserved ones count for
 * the next. Each has its own facts, which may share parts.
 */
export const holdMany =
  (asks: readonly { readonly facts: HoldFacts; readonly ask: Hold }[]) =>
  (inventory: Inventory): Decision<readonly Held[], InventoryEvent> => {
    const result: Held[] = [];
    const events: InventoryEvent[] = [];
    let known = inventory;
    for (const { facts, ask } of asks) {
      const decision = hold(facts, ask)(known);
      result.push(decision.result);
      events.push(...decision.events);
      known = decision.events.reduce(decider.evolve, known);
    }
    return { result, events };
  };

function reservedAs(ask: Hold, { requests, held }: Inventory): number | undefined {
  return (ask.request === null ? undefined : find(requests, ask.request)) ?? find(held, ask.id)?.id;
}

function reserved({ facts, ask, asked }: Attempt): CartReserved {
  const { organizer, event, now, voucher, shop } = facts;
  // Written out: with `...` V8 defines the properties one by one.
  return {
    type: 'CartReserved',
    data: {
      organizer,
      event,
      id: ask.id,
      cart_id: ask.cart_id,
      request: ask.request,
      item: ask.item,
      variation: ask.variation,
      date: ask.date,
      price: ask.price,
      includes_tax: ask.includes_tax,
      seat: ask.seat,
      expires: ask.expires,
      attendee_name_parts: ask.attendee_name_parts,
      attendee_email: ask.attendee_email,
      voucher: voucher?.id ?? null,
      datetime: now,
      quotas: asked.map(({ quota, left }) => ({ quota: quota.id, left })),
      covered_until: coveredUntil(ask.expires, voucher),
      facts_revision: shop.revision,
      answers: [...ask.answers],
    },
  };
}
