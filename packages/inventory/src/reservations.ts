import { inventoryStream, type CartReserved } from '@gatehouse/events/inventory';
import { hold, type Held, type Hold, type Reason, type Refused } from '@gatehouse/domain/hold';
import { after, type Instant } from '@gatehouse/domain/instant';
import { RejectedEvent, StoreUnavailable } from '@gatehouse/eventing/event-store';
import type { Catalog } from '@gatehouse/shop/catalog';
import type { By } from './asker';
import { quotaStates, type QuotaState } from './availability';
import type { CartFinder, CartRow, Where } from './carts/find';
import type { CartIds } from './cart-ids';
import { learnedRevisions, withFreshFacts } from './fresh-facts';
import type { InventoryStreams } from './inventory-streams';
import { newCartId } from './new-cart-id';
import type { Refusal, RefusalLog } from './refusals';
import { releaseCart } from './release';
import { reservationMetrics } from './reservation-metrics';
import type { Facts, FactsReader } from './shop/facts';

/** One place that somebody wants. */
export type Wanted = Omit<Hold, 'id' | 'cart_id' | 'request' | 'expires'> & {
  /** null: a cart of its own, whose id is made up. */
  readonly cart_id: string | null;
  /** null: the event's `reservation_time` from now. */
  readonly expires: Instant | null;
  /** As it is shown to who asks. */
  readonly productName: string;
  /**
   * Its place in the request's list, by which a request that runs again finds it; absent: its place among the wanted. Whoever leaves out
   * what is not valid gives it, because that may be another choice the next time.
   */
  readonly place?: number;
};

/** What became of one wanted place. A refusal's `text` is what the API says (contract §8.4). */
export type Reserved =
  | { readonly outcome: 'reserved'; readonly cart: CartRow }
  | { readonly outcome: 'refused'; readonly reason: Reason | 'too_large'; readonly text: string };

/**
 * Reserves places and gives them back. All of it rejects with StoreUnavailable or StoreOverloaded, and with the 409 of contract §2.10 when
 * the facts that it must decide on stay older than what was decided meanwhile.
 */
export type Reservations = {
  /**
   * Decides on places in their order, each by itself: those that are held count for the next (contract §8.4, §8.6). They go down in
   * one append or in several. A request with an idempotency key that runs again reserves nothing twice, and refuses anew what it refused.
   */
  reserve(where: Where, wanted: readonly Wanted[], by: By): Promise<readonly Reserved[]>;
  /** Deletes a position that is served (contract §8.2); false: there is none. */
  release(where: Where, id: number, by: By): Promise<boolean>;
  /** Of each quota that exists what is left of it, all as of one moment. */
  availability(where: Where, quotas: readonly number[]): Promise<ReadonlyMap<number, QuotaState>>;
};

export type ReservationParts = {
  readonly streams: InventoryStreams;
  readonly facts: FactsReader;
  readonly carts: CartFinder;
  readonly ids: CartIds;
  readonly refusals: RefusalLog;
  readonly catalog: Pick<Catalog, 'festival'>;
  /** Waits until read models have applied all that this context's history holds, bounded. */
  caughtUp(models: readonly ('carts' | 'shop')[]): Promise<boolean>;
};

/** Places of one request that are decided before the next are looked at: others have their turn in between. */
const AT_ONCE = 500;
/** pretix's own default, for an event that the catalog does not know (any more). */
const DEFAULT_MINUTES = 30;

/** One place of a request that is to be decided. */
type Element = {
  readonly place: number;
  readonly wanted: Wanted;
  readonly id: number;
  readonly request: string | null;
};
type TooLarge = { readonly outcome: 'too_large' };
/** The decision on it, what it rests on, and the event that it made. */
type Decided = {
  readonly element: Element;
  readonly facts: Facts;
  readonly result: Held | TooLarge;
  readonly made: CartReserved['data'] | undefined;
};

/** Reservations over the deciders of inventories; the docstring of the type says what they do. */
export function reservations(parts: ReservationParts): Reservations {
  const { streams, facts: reader, carts, ids, refusals, catalog, caughtUp } = parts;
  const learned = learnedRevisions();
  const measured = reservationMetrics();

  function count({ result, made }: Decided, { organizer, event }: Where): void {
    // What an earlier try has reserved was counted then.
    if (result.outcome === 'held' && !made) return;
    const key = `${organizer}/${event}`;
    measured.decided(key, result.outcome === 'refused' ? result.reason : made ? 'reserved' : result.outcome);
    for (const { quota, left } of made?.quotas ?? []) if (left !== null) measured.left(key, quota, left);
  }

  async function cartsMustBeCaughtUp(): Promise<void> {
    if (!(await caughtUp(['carts']))) throw new StoreUnavailable('the read model carts is behind its history');
  }

  /** Decides on places in their order. Those whose facts were too old are missing in the answer. */
  async function decideOn(elements: readonly Element[], where: Where, by: By): Promise<Decided[]> {
    const stream = inventoryStream(where.organizer, where.event);
    const minutes = catalog.festival(where.organizer, where.event)?.fact.settings.reservation_time ?? DEFAULT_MINUTES;
    const found = await Promise.all(
      elements.map(({ wanted }) =>
        reader.hold({
          where,
          product: wanted,
          productName: wanted.productName,
          voucher: wanted.voucher,
          seat: wanted.seat,
          learned: learned.of(stream),
        }),
      ),
    );
    const decisions = elements.map(async (element, i): Promise<Decided> => {
      const facts = found[i]!;
      const ask = askOf(element, element.wanted.expires ?? after(facts.now, minutes * 60_000));
      let made: CartReserved['data'] | undefined;
      try {
        const { result, state } = await streams.transact(
          stream,
          (inventory) => {
            const decision = hold(facts, ask)(inventory);
            made = decision.events.find((event) => event.type === 'CartReserved')?.data;
            return decision;
          },
          // A request that runs again finds what it has made by `ask.request`, and what it makes then are other events.
          { actor: by.actor, trace: by.trace },
        );
        learned.saw(stream, state);
        return { element, facts, result, made };
      } catch (error) {
        if (!(error instanceof RejectedEvent)) throw error;
        return { element, facts, result: { outcome: 'too_large' }, made: undefined };
      }
    });
    // All are awaited before one of them fails the request: none is left behind undecided.
    const settled = await Promise.allSettled(decisions);
    for (const each of settled) if (each.status === 'rejected') throw each.reason;
    return (await Promise.all(decisions)).filter(({ result }) => result.outcome !== 'stale');
  }

  /** Decides on some places of a request and records what is refused. */
  async function reserveSome(elements: readonly Element[], where: Where, by: By): Promise<Map<number, Reserved>> {
    const decided: Decided[] = [];
    let open = elements;
    await withFreshFacts(async () => {
      const some = await decideOn(open, where, by);
      decided.push(...some);
      const done = new Set(some.map(({ element }) => element));
      open = open.filter((element) => !done.has(element));
      return open.length === 0 ? true : undefined;
    });
    for (const each of decided) count(each, where);
    ids.giveBack(decided.flatMap(({ element, made }) => (made ? [] : [element.id])));
    const refused = decided.flatMap(refusalOf);
    if (refused.length > 0) await refusals.record(refused, by);
    const found = decided.flatMap(({ result, made }) => (result.outcome === 'held' && !made ? [result.id] : []));
    const rows = found.length > 0 ? await rowsOf(found) : new Map<number, CartRow>();
    return new Map(decided.map((each) => [each.element.place, replyOf(each, rows)]));
  }

  /** Reservations that an earlier try of a request has made. */
  async function rowsOf(made: readonly number[]): Promise<Map<number, CartRow>> {
    await cartsMustBeCaughtUp();
    return new Map((await carts.made(made)).map((row) => [row.id, row]));
  }

  async function madeBefore(where: Where, { request, again }: By): Promise<ReadonlyMap<number, CartRow>> {
    if (request === undefined || again === false) return new Map();
    await cartsMustBeCaughtUp();
    return carts.madeBy(where, request);
  }

  return {
    async reserve(where, wanted, by) {
      const before = await madeBefore(where, by);
      const reserved: Reserved[] = [];
      for (let from = 0; from < wanted.length; from += AT_ONCE) {
        const some = wanted.slice(from, from + AT_ONCE).map((each, i) => ({ each, place: each.place ?? from + i }));
        const open = some.filter(({ place }) => !before.has(place));
        const given = await ids.take(open.length);
        const elements = open.map(({ each, place }, i) => ({
          place,
          wanted: each,
          id: given[i]!,
          request: by.request === undefined ? null : `${by.request}/${place}`,
        }));
        const decided = await reserveSome(elements, where, by);
        for (const { place } of some) {
          const known = before.get(place);
          reserved.push(known ? { outcome: 'reserved', cart: known } : decided.get(place)!);
        }
      }
      return reserved;
    },

    async release(where, id, by) {
      const released = await releaseCart({ streams, carts, caughtUp }, { where, id, by });
      if (released) measured.decided(`${where.organizer}/${where.event}`, 'released');
      return released;
    },

    availability: (where, quotas) => quotaStates({ streams, facts: reader, learned }, where, quotas),
  };
}

/** Written out, here and below: V8 defines the properties of a literal with `...` one by one, and all callers of a sale wait. */
const askOf = ({ wanted, id, request }: Element, expires: Instant): Hold => ({
  id,
  cart_id: wanted.cart_id ?? newCartId(),
  request,
  item: wanted.item,
  variation: wanted.variation,
  date: wanted.date,
  price: wanted.price,
  includes_tax: wanted.includes_tax,
  seat: wanted.seat,
  voucher: wanted.voucher,
  sales_channel: wanted.sales_channel,
  expires,
  attendee_name_parts: wanted.attendee_name_parts,
  attendee_email: wanted.attendee_email,
  answers: wanted.answers,
});

/** What a refused place says in history; what is too large for it was refused before anything was decided. */
function refusalOf({ element: { place, wanted }, facts, result }: Decided): Refusal[] {
  if (result.outcome !== 'refused') return [];
  const { organizer, event, now, voucher, seat } = facts;
  const { item, variation, date } = wanted;
  const { reason, quota } = result;
  // Of a voucher or a seat that does not exist nothing is kept: it may be anything.
  const about = { voucher: voucher?.id ?? null, seat: seat?.guid ?? null };
  return [{ place, data: { organizer, event, item, variation, date, reason, quota, ...about, datetime: now } }];
}

const TOO_LARGE: Reserved = { outcome: 'refused', reason: 'too_large', text: 'The reservation is too large.' };

function replyOf({ result, made, facts }: Decided, rows: ReadonlyMap<number, CartRow>): Reserved {
  if (result.outcome === 'held') {
    const cart = made ? cartOf(made, facts) : rows.get(result.id);
    if (!cart) throw new StoreUnavailable('a reservation is not in the read model');
    return { outcome: 'reserved', cart };
  }
  return result.outcome === 'refused' ? refused(result) : TOO_LARGE;
}

const refused = ({ reason, text }: Refused): Reserved => ({ outcome: 'refused', reason, text });

/** A reservation as the read model will have it. */
function cartOf(made: CartReserved['data'], { seat }: Facts): CartRow {
  const { id, cart_id, item, variation, date, price, attendee_name_parts, attendee_email, voucher } = made;
  const { datetime, expires, includes_tax, answers } = made;
  const shown = seat && made.seat !== null ? { id: seat.id, name: seat.name, guid: seat.guid } : null;
  return {
    id,
    cart_id,
    item,
    variation,
    date,
    price,
    attendee_name_parts,
    attendee_email,
    voucher,
    addon_to: null,
    datetime,
    expires,
    includes_tax,
    answers,
    seat: shown,
  };
}
