import { inventory, type CartReleased, type InventoryEvent } from '@gatehouse/events/inventory';
import { earlier, type Instant } from '@gatehouse/domain/instant';
import { purgedBefore, type Batch } from '@gatehouse/domain/inventory';
import type { Appended, Change, Filling } from '@gatehouse/eventing/inline';

/** How the names of streams of reservations begin; the rest is `organizer/slug`. */
export const STREAMS = 'inventory-';

/** An event of a stream of reservations, as it was stored. */
export type Stored = { readonly revision: number; readonly time: Instant; readonly fact: InventoryEvent };

type Data<T extends InventoryEvent['type']> = Extract<InventoryEvent, { type: T }>['data'];

/** What some events of one stream change in the read model. */
export type CartsChange = {
  /** `organizer/slug`. */
  readonly event: string;
  readonly first: number;
  readonly revision: number;
  readonly whole: boolean;
  readonly learned: number;
  readonly newest: Instant;
  readonly reserved: readonly Reserved[];
  /** How many more carts are in the list of the APIs. */
  readonly listed: number;
  readonly more?: RarerChanges;
};

/** What the read model keeps of a reservation; null is left out, which is less to parse. */
type Reserved = { readonly [K in keyof Data<'CartReserved'>]?: NonNullable<Data<'CartReserved'>[K]> | undefined };

type RarerChanges = {
  readonly expired?: readonly number[];
  readonly released?: readonly Released[];
  /** How many of `released` were in the list. */
  readonly unlisted?: number;
  readonly forget?: Instant;
  readonly closed?: readonly { readonly quota: number; readonly revision: number }[];
  readonly batches?: readonly Batch[];
  readonly returned?: readonly string[];
  readonly terms?: readonly Terms[];
};

type Released = {
  readonly id: number;
  readonly expires: Instant;
  /** It had expired when it was released. */
  readonly past: boolean;
  /** No later one of these releases comes when it would be purged. */
  readonly lasting: boolean;
};

type Terms = Data<'VoucherTermsChanged'>['vouchers'][number] & {
  /** Reserved with this voucher afterwards. */
  readonly later: readonly number[];
};

/**
 * What events of one stream change; at least one, in their order. Kinds are applied one after the other: a cart is reserved before it
 * expires, and expires or not before it is released; the other kinds have nothing to do with each other.
 */
export function changeOf(event: string, stored: readonly Stored[]): CartsChange {
  const reserved: Reserved[] = [];
  const rarer: InventoryEvent[] = [];
  let listed = 0;
  let learned = 0;
  let newest = stored[0]!.time;
  for (const { time, fact } of stored) {
    if (earlier(newest, time)) newest = time;
    if ('facts_revision' in fact.data) learned = Math.max(learned, fact.data.facts_revision);
    if (fact.type !== 'CartReserved') {
      rarer.push(fact);
      continue;
    }
    reserved.push(reservedOf(fact.data));
    if (isListed(fact.data)) listed++;
  }
  const first = stored[0]!.revision;
  const revision = stored.at(-1)!.revision + 1;
  const more = rarer.length > 0 ? rarerChanges(stored, rarer) : undefined;
  return {
    ...{ event, first, revision, learned, newest, reserved },
    whole: revision - first === stored.length,
    listed: listed - (more?.unlisted ?? 0),
    ...(more ? { more } : {}),
  };
}

const reservedOf = (data: Data<'CartReserved'>): Reserved => ({
  id: data.id,
  cart_id: data.cart_id,
  item: data.item,
  variation: data.variation ?? undefined,
  date: data.date ?? undefined,
  price: data.price,
  includes_tax: data.includes_tax,
  voucher: data.voucher ?? undefined,
  seat: data.seat ?? undefined,
  datetime: data.datetime,
  expires: data.expires,
  attendee_name_parts: data.attendee_name_parts,
  attendee_email: data.attendee_email ?? undefined,
  answers: data.answers,
  request: data.request ?? undefined,
  covered_until: data.covered_until ?? undefined,
});

/** Whether the APIs show a cart that was made here (contract §8.2). */
const isListed = ({ cart_id }: { readonly cart_id: string }): boolean => cart_id.endsWith('@api');

function rarerChanges(stored: readonly Stored[], rarer: readonly InventoryEvent[]): RarerChanges {
  const dataOf = <T extends InventoryEvent['type']>(type: T): Data<T>[] =>
    rarer.flatMap((fact) => (fact.type === type ? [fact.data as Data<T>] : []));
  const batches: Batch[] = rarer.flatMap(({ type, data }) =>
    type === 'PlacesTaken' || type === 'PlacesRefused'
      ? [{ ...data, id: data.batch, places: type === 'PlacesTaken' ? 'taken' : 'refused' }]
      : [],
  );
  // The last one of a quota holds.
  const closed = new Map(
    dataOf('QuotaClosed').map(({ quota, quota_revision: revision }) => [quota, { quota, revision }]),
  );
  return {
    ...some(
      'expired',
      dataOf('CartExpired').map(({ id }) => id),
    ),
    ...releasedBy(dataOf('CartReleased')),
    ...some('closed', [...closed.values()]),
    ...some('batches', batches),
    ...some(
      'returned',
      dataOf('PlacesReturned').map(({ batch }) => batch),
    ),
    ...some('terms', termsOf(stored)),
  };
}

const some = <K extends string, T>(name: K, all: readonly T[]) =>
  (all.length > 0 ? { [name]: all } : {}) as { readonly [key in K]?: readonly T[] };

/** Releases, from the newest back: what has expired before is forgotten by those that were looked at. */
function releasedBy(releases: readonly CartReleased['data'][]): Pick<RarerChanges, 'released' | 'unlisted' | 'forget'> {
  let forget: Instant | undefined;
  const released: Released[] = [];
  for (const { id, expires, datetime } of [...releases].reverse()) {
    const lasting = forget === undefined || !earlier(expires, forget);
    released.push({ id, expires, past: earlier(expires, datetime), lasting });
    const before = purgedBefore(datetime);
    if (forget === undefined || earlier(forget, before)) forget = before;
  }
  // A cart is released once: afterwards it is not found any more.
  const unlisted = releases.filter((release) => !release.imported && isListed(release)).length;
  return forget === undefined ? {} : { released, unlisted, forget };
}

/** The last terms of each voucher. */
function termsOf(stored: readonly Stored[]): Terms[] {
  const later = new Map<number, number[]>();
  const terms = new Map<number, Terms>();
  for (const { fact } of [...stored].reverse()) {
    if (fact.type === 'CartReserved' && fact.data.voucher !== null) {
      const of = later.get(fact.data.voucher);
      if (of) of.push(fact.data.id);
      else later.set(fact.data.voucher, [fact.data.id]);
    }
    if (fact.type !== 'VoucherTermsChanged') continue;
    for (const each of [...fact.data.vouchers].reverse()) {
      if (!terms.has(each.voucher)) terms.set(each.voucher, { ...each, later: [...(later.get(each.voucher) ?? [])] });
    }
  }
  return [...terms.values()];
}

/** An event of a stream of reservations; undefined for those of other streams, and for one that this release does not know. */
export function factOf(
  stored: { readonly stream: string } & Parameters<typeof inventory.read>[0],
): InventoryEvent | undefined {
  if (!stored.stream.startsWith(STREAMS)) return undefined;
  const fact = inventory.read(stored);
  return fact?.type === 'ReservationRefused' ? undefined : fact;
}

/** A change as a row of `cartsInline.columns`. */
export const rowOf = ({
  event,
  first,
  revision,
  whole,
  learned,
  newest,
  listed,
  reserved,
  more,
}: CartsChange): Change => [
  ...[event, first, revision, whole, learned, newest, listed],
  ...[JSON.stringify(reserved), more ? JSON.stringify(more) : null],
];

/**
 * How reservations fill the read model in the transaction that appends them (sql/003-fill-carts.sql): all that happens to a stream follows from
 * its events.
 */
export const cartsInline: Filling = {
  call: 'fill_carts_1',
  columns: [
    ...(['text', 'integer', 'integer', 'boolean', 'integer', 'timestamptz', 'integer'] as const),
    ...(['json', 'json'] as const),
  ],
  changesOf({ stream, expected, events, time }: Appended) {
    const stored = events.flatMap((event, i) => {
      const fact = factOf({ stream, ...event });
      return fact ? [{ revision: expected + i, time, fact }] : [];
    });
    return stored.length === 0 ? [] : [rowOf(changeOf(stream.slice(STREAMS.length), stored))];
  },
};
