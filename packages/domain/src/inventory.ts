import type { InventoryEvent, PlacesRefused, PlacesTaken, VoucherTermsChanged } from '@gatehouse/events/inventory';
import type { Decider } from './decider';
import { earlier, epochMs, instantOf, sortable, type Instant } from './instant';
import {
  byKey,
  cartAccount,
  CARTS,
  coveredAccount,
  coveredUntil,
  ledgerOf,
  live,
  productKey,
  purgeRow,
  PURGES,
  rowsBefore,
  rowsOf,
  seatAccount,
  timesOf,
  voucherAccount,
  withoutRow,
  withRow,
  type Cart,
  type Ledger,
  type Product,
} from './ledger';
import { entries, entriesFrom, find, ordered, put, without, type Ordered } from './ordered';

/** A reservation made by Gatehouse. */
export type Reservation = Cart & { readonly request: string | null };
/** A released cart position that was not held: one of the shop, or one of ours that had expired. It counts nowhere. */
export type Released = Pick<Cart, 'id' | 'expires'>;
/** A batch of offline tickets that asked for places. Only those `taken` count; a batch never asks again with another result. */
export type Batch = Product & {
  readonly id: string;
  readonly amount: number;
  readonly places: 'taken' | 'refused' | 'returned';
};

/**
 * The folded reservations of an event. Each map in it is an immutable `Ordered`, so a caller may evolve a state and drop
 * the result. `requests`, `ledger` and `places` are indexes derived from the rest.
 */
export type Inventory = {
  /**
   * Our reservations that are neither released nor recorded as expired. Whether one still counts depends on its `expires`.
   */
  readonly held: Ordered<number, Reservation>;
  /** Recognises a second release. Dropped when cart positions would be purged. */
  readonly released: Ordered<number, Released>;
  readonly batches: Ordered<string, Batch>;
  /** The closed quotas, each with the revision of the fact at which it closed. */
  readonly closed: Ordered<number, number>;
  /**
   * The shop's revision up to which changes of vouchers' terms are reflected in the counts: the newest on which a place was
   * reserved or terms were learned.
   */
  readonly learnedRevision: number;

  readonly requests: Ordered<string, number>;
  readonly ledger: Ledger;
  /** The places taken by batches, by product. */
  readonly places: Ordered<string, number>;
};

export const inventory: Decider<Inventory, InventoryEvent> = {
  initial: {
    held: null,
    released: null,
    batches: null,
    closed: null,
    learnedRevision: 0,
    requests: null,
    ledger: null,
    places: null,
  },
  evolve(state, event) {
    switch (event.type) {
      case 'CartReserved': {
        const { id, cart_id, item, variation, date, voucher, seat, expires } = event.data;
        const { covered_until: covered, facts_revision, request } = event.data;
        const cart = { id, cart_id, item, variation, date, voucher, seat, expires, covered, request };
        return hold(learned(state, facts_revision), cart);
      }
      case 'CartReleased': {
        const { id, datetime, expires } = event.data;
        const known = forgetPurged(state, datetime);
        const rest = drop(known, id);
        // A reservation that still counted can be requested again only before it expires; `release` recognises by this that
        // it is gone.
        if (rest !== known && !earlier(expires, datetime)) return rest;
        return remember(rest, { id, expires });
      }
      case 'CartExpired':
        return drop(state, event.data.id);
      case 'QuotaClosed':
        return { ...state, closed: put(state.closed, event.data.quota, event.data.quota_revision) };
      case 'VoucherTermsChanged':
        return event.data.vouchers.reduce(withTerms, learned(state, event.data.facts_revision));
      case 'PlacesTaken':
        return withBatch(state, batchOf(event.data, 'taken'));
      case 'PlacesRefused':
        return withBatch(state, batchOf(event.data, 'refused'));
      case 'PlacesReturned': {
        const batch = find(state.batches, event.data.batch);
        return batch ? withBatch(state, { ...batch, places: 'returned' }) : state;
      }
    }
  },
};

/** Number of our carts of a product that count at an instant, without those whose voucher blocks the place itself. */
export function cartsOf({ ledger }: Inventory, product: Product, now: Instant): number {
  const key = productKey(product);
  return live(ledger, cartAccount(key), now) - live(ledger, coveredAccount(key), now);
}

/** Number of our carts with a voucher that count at an instant. */
export const usesOf = ({ ledger }: Inventory, voucher: number, now: Instant): number =>
  live(ledger, voucherAccount(voucher), now);

/** All of our carts with a voucher that the state holds. */
export const heldWith = ({ held, ledger }: Inventory, voucher: number): Reservation[] =>
  [...entries(timesOf(ledger, voucherAccount(voucher)))].map(([, id]) => find(held, id)!);

/** The places of a product that batches have taken. */
export const placesOf = (state: Inventory, product: Product): number => find(state.places, productKey(product)) ?? 0;

/** Our reservations of a seat that count at an instant. */
export function holdersOf(state: Inventory, date: number | null, seat: string, now: Instant): Reservation[] {
  const times = timesOf(state.ledger, seatAccount(date, seat));
  return [...entriesFrom(times, sortable(now))].map(([, id]) => find(state.held, id)!);
}

/** At most `limit` expired reservations, the earliest first. Reads only the first ones of each product. */
export function dueAt(state: Inventory, now: Instant, limit: number): Reservation[] {
  const due: (readonly [string, number])[] = [];
  for (const [account, times] of entriesFrom(state.ledger, CARTS)) {
    if (!account.startsWith(CARTS)) break;
    due.push(...rowsBefore(times, now, limit));
  }
  return due
    .sort(byKey)
    .slice(0, limit)
    .map(([, id]) => find(state.held, id)!);
}

/** A state as JSON, without its indexes, in the order of the keys: equal states have equal snapshots. */
export type InventorySnapshot = {
  readonly format: 2;
  readonly held: readonly Reservation[];
  readonly released: readonly Released[];
  readonly batches: readonly Batch[];
  readonly closed: readonly (readonly [quota: number, revision: number])[];
  readonly learnedRevision: number;
};

export const snapshotOf = (state: Inventory): InventorySnapshot => ({
  format: 2,
  held: valuesOf(state.held),
  released: valuesOf(state.released),
  batches: valuesOf(state.batches),
  closed: [...entries(state.closed)],
  learnedRevision: state.learnedRevision,
});

/** The state of a snapshot; undefined when it has a format that this release does not know. */
export function restore(snapshot: InventorySnapshot): Inventory | undefined {
  if (snapshot.format !== 2) return undefined;
  const { held, released, batches, closed, learnedRevision } = snapshot;
  const requests = held.flatMap(({ id, request }) => (request === null ? [] : [[request, id] as const]));
  return batches.reduce(withBatch, {
    ...inventory.initial,
    held: ordered(held.map((each) => [each.id, each])),
    released: ordered(released.map((each) => [each.id, each])),
    closed: ordered(closed),
    learnedRevision,
    requests: ordered(requests.sort(byKey)),
    ledger: ledgerOf([...held.flatMap(rowsOf), ...released.map(purgeRow)]),
  });
}

const valuesOf = <V>(map: Ordered<number, V> | Ordered<string, V>): V[] =>
  [...entries<number | string, V>(map)].map(([, value]) => value);

function batchOf(data: (PlacesTaken | PlacesRefused)['data'], places: Batch['places']): Batch {
  const { batch: id, item, variation, date, amount } = data;
  return { id, item, variation, date, amount, places };
}

/** A state that also reflects all changes of vouchers' terms up to this revision. */
const learned = (state: Inventory, revision: number): Inventory =>
  revision > state.learnedRevision ? { ...state, learnedRevision: revision } : state;

function hold(state: Inventory, cart: Reservation): Inventory {
  return {
    ...state,
    held: put(state.held, cart.id, cart),
    requests: cart.request === null ? state.requests : put(state.requests, cart.request, cart.id),
    ledger: rowsOf(cart).reduce(withRow, state.ledger),
  };
}

function drop(state: Inventory, id: number): Inventory {
  const cart = find(state.held, id);
  if (!cart) return state;
  return {
    ...state,
    held: without(state.held, id),
    requests: cart.request === null ? state.requests : without(state.requests, cart.request),
    ledger: rowsOf(cart).reduce(withoutRow, state.ledger),
  };
}

function remember(state: Inventory, cart: Released): Inventory {
  return {
    ...state,
    released: put(state.released, cart.id, cart),
    ledger: withRow(state.ledger, purgeRow(cart)),
  };
}

function forget(state: Inventory, id: number): Inventory {
  const cart = find(state.released, id);
  if (!cart) return state;
  return {
    ...state,
    released: without(state.released, id),
    ledger: withoutRow(state.ledger, purgeRow(cart)),
  };
}

/** Cart positions are purged this long after they have expired and cannot be requested any more (contract §8.5). */
const PURGE_MS = 14 * 24 * 3600 * 1000;

/** What has expired before this is purged at an instant. In whole milliseconds. */
export const purgedBefore = (now: Instant): Instant => instantOf(epochMs(now) - PURGE_MS);

function forgetPurged(state: Inventory, now: Instant): Inventory {
  const purged = rowsBefore(timesOf(state.ledger, PURGES), purgedBefore(now), Infinity);
  return purged.reduce((known, [, id]) => forget(known, id), state);
}

/** Counts the carts of a voucher by its new terms. */
const withTerms = (state: Inventory, terms: VoucherTermsChanged['data']['vouchers'][number]): Inventory =>
  heldWith(state, terms.voucher).reduce(
    (known, cart) => hold(drop(known, cart.id), { ...cart, covered: coveredUntil(cart.expires, terms) }),
    state,
  );

function withBatch(state: Inventory, batch: Batch): Inventory {
  const key = productKey(batch);
  const counted = (each: Batch | undefined) => (each?.places === 'taken' ? each.amount : 0);
  const amount = (find(state.places, key) ?? 0) + counted(batch) - counted(find(state.batches, batch.id));
  return {
    ...state,
    batches: put(state.batches, batch.id, batch),
    places: amount === 0 ? without(state.places, key) : put(state.places, key, amount),
  };
}
