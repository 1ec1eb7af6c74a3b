import type {
  CartExpired,
  CartReleased,
  CartReserved,
  InventoryEvent,
  PlacesRefused,
  PlacesReturned,
  PlacesTaken,
  QuotaClosed,
  VoucherTermsChanged,
} from '@gatehouse/events/inventory';
import { earlier, type Instant } from '@gatehouse/domain/instant';
import { purgedBefore } from '@gatehouse/domain/inventory';
import type { Tx } from '@gatehouse/eventing/event-bus';

/*
 * What each kind of event does to the tables of the read model `carts`: the same as `inventory.evolve` (packages/domain) does to the
 * folded state, a statement for all events of a kind.
 */

/** An event with the event of the shop that it is about, as `organizer/slug`. */
export type Of<E extends InventoryEvent> = E & { readonly event: string };

/** Where the read model is with the stream of an event: how many of its events are applied, and what the newest of them say. */
export type Progress = {
  readonly event: string;
  readonly revision: number;
  readonly learned: number;
  /** None was left out. */
  readonly whole: boolean;
  readonly newest: Instant;
};

/** Says how far the streams are applied. Goes first: the others count in these rows what is listed. */
export async function moveOn(tx: Tx, progress: readonly Progress[]): Promise<void> {
  await tx.query({
    name: 'carts_move_on',
    text: `insert into inventories as i
           select event, revision, learned, whole, 0, newest from json_to_recordset($1) as p(
             event text, revision integer, learned integer, whole boolean, newest timestamptz
           )
           on conflict (event) do update set
             revision = excluded.revision,
             learned = greatest(i.learned, excluded.learned),
             whole = i.whole and excluded.whole,
             newest = greatest(i.newest, excluded.newest)`,
    values: [JSON.stringify(progress)],
  });
}

/** The end of a statement that has put carts into the list, or taken them out: it counts them. `changed` is a table of them. */
const counting = (changed: string, sign: '+' | '-'): string => `
  update inventories i set listed = i.listed ${sign} c.carts
  from (select event, count(*)::integer as carts from ${changed} where listed group by event) c
  where i.event = c.event`;

/** CartReserved. An id never comes twice: then this fails, and the projection stands still rather than lose one of the two. */
export async function hold(tx: Tx, facts: readonly Of<CartReserved>[]): Promise<void> {
  if (facts.length === 0) return;
  await tx.query({
    name: 'carts_hold',
    text: `with made as (
             insert into carts
             select id, event, cart_id, item, variation, date, price, includes_tax, voucher, seat, datetime, expires,
                    attendee_name_parts, attendee_email, answers, request, covered_until, true,
                    right(cart_id, 4) = '@api', greatest(datetime, expires)
             from json_to_recordset($1) as r(
               id integer, event text, cart_id text, item integer, variation integer, date integer, price text,
               includes_tax boolean, voucher integer, seat text, datetime timestamptz, expires timestamptz,
               attendee_name_parts json, attendee_email text, answers json, request text, covered_until timestamptz
             )
             returning event, listed
           ) ${counting('made', '+')}`,
    values: [rowsOf(facts)],
  });
}

/** CartExpired. */
export async function expire(tx: Tx, facts: readonly Of<CartExpired>[]): Promise<void> {
  if (facts.length === 0) return;
  await tx.query({
    name: 'carts_expire',
    text: 'update carts set held = false where id = any($1::integer[])',
    values: [facts.map(({ data }) => data.id)],
  });
}

/** CartReleased, in its order. */
export async function release(tx: Tx, facts: readonly Of<CartReleased>[]): Promise<void> {
  if (facts.length === 0) return;
  const { rows } = await tx.query<{ id: number; held: boolean }>({
    name: 'carts_release',
    text: `with released as materialized (select id, event, held, listed from carts where id = any($1::integer[])),
           taken as (update carts c set held = false, listed = false from released r where c.id = r.id),
           counted as (${counting('released', '-')})
           select id, held from released`,
    values: [facts.map(({ data }) => data.id)],
  });
  const held = new Set(rows.filter((row) => row.held).map(({ id }) => id));
  // Those that still counted as our own have left the state for good.
  const kept = facts.filter(({ data }) => !held.has(data.id) || earlier(data.expires, data.datetime));
  await remember(tx, facts, new Set(kept));
}

/** Remembers what was released without being held, until a later release comes when it would be purged. */
async function remember(
  tx: Tx,
  facts: readonly Of<CartReleased>[],
  kept: ReadonlySet<Of<CartReleased>>,
): Promise<void> {
  /** By event, going back from the newest release: what has expired before is purged by those that were looked at. */
  const purges = new Map<string, Instant>();
  const rows: Of<CartReleased>[] = [];
  for (const fact of [...facts].reverse()) {
    const { event, data } = fact;
    const purge = purges.get(event);
    const own = purgedBefore(data.datetime);
    if (purge === undefined || earlier(purge, own)) purges.set(event, own);
    if (kept.has(fact) && (purge === undefined || !earlier(data.expires, purge))) rows.push(fact);
  }
  await tx.query({
    name: 'carts_forget',
    text: `delete from released_carts r using json_to_recordset($1) as p(event text, before timestamptz)
           where r.event = p.event and r.expires < p.before`,
    values: [JSON.stringify([...purges].map(([event, before]) => ({ event, before })))],
  });
  await tx.query({
    name: 'carts_remember',
    text: `insert into released_carts
           select event, id, expires from json_to_recordset($1) as r(event text, id integer, expires timestamptz)`,
    values: [rowsOf(rows)],
  });
}

/** QuotaClosed; the last one of a quota holds. */
export async function closeQuotas(tx: Tx, facts: readonly Of<QuotaClosed>[]): Promise<void> {
  if (facts.length === 0) return;
  const last = new Map(facts.map((fact) => [`${fact.event} ${fact.data.quota}`, fact]));
  await tx.query({
    name: 'carts_close_quotas',
    text: `insert into closed_quotas
           select event, quota, quota_revision from json_to_recordset($1) as q(event text, quota integer, quota_revision integer)
           on conflict (event, quota) do update set revision = excluded.revision`,
    values: [rowsOf([...last.values()])],
  });
}

/** PlacesTaken and PlacesRefused. */
export async function putBatches(tx: Tx, facts: readonly Of<PlacesTaken | PlacesRefused>[]): Promise<void> {
  if (facts.length === 0) return;
  await tx.query({
    name: 'carts_put_batches',
    text: `insert into place_batches
           select event, batch, item, variation, date, amount, case type when 'PlacesTaken' then 'taken' else 'refused' end
           from json_to_recordset($1) as b(
             event text, batch text, item integer, variation integer, date integer, amount integer, type text
           )`,
    values: [JSON.stringify(facts.map(({ event, type, data }) => ({ ...data, event, type })))],
  });
}

/** PlacesReturned. */
export async function returnBatches(tx: Tx, facts: readonly Of<PlacesReturned>[]): Promise<void> {
  if (facts.length === 0) return;
  await tx.query({
    name: 'carts_return_batches',
    text: `update place_batches b set places = 'returned'
           from json_to_recordset($1) as r(event text, batch text) where b.event = r.event and b.id = r.batch`,
    values: [rowsOf(facts)],
  });
}

/** VoucherTermsChanged: until when vouchers block the places of the carts that are held (`coveredUntil`, contract §2.7). */
export async function changeTerms(tx: Tx, facts: readonly Of<VoucherTermsChanged>[]): Promise<void> {
  for (const { event, data } of facts) {
    await tx.query({
      name: 'carts_change_terms',
      text: `update carts c
             set covered = case when v.blocks then least(c.expires, v.valid_until) end
             from json_to_recordset($2) as v(voucher integer, blocks boolean, valid_until timestamptz)
             where c.event = $1 and c.voucher = v.voucher and c.held`,
      values: [event, JSON.stringify(data.vouchers)],
    });
  }
}

/**
 * Deletes what is purged, 14 days after the later of `datetime` and `expires` (contract §8.5). By when the newest event was recorded and
 * not by the clock, so that a replay purges the same. What the state still holds stays until it is recorded as expired.
 */
export async function purge(tx: Tx): Promise<void> {
  await tx.query({
    name: 'carts_purge',
    text: `with purged as (
             delete from carts
             where kept_from < (select max(newest) from inventories) - interval '14 days' and not held
             returning event, listed
           ) ${counting('purged', '-')}`,
  });
}

/** The data of events as a JSON array of rows; `event` is the event of the shop as `organizer/slug`. */
const rowsOf = (facts: readonly Of<InventoryEvent>[]): string =>
  JSON.stringify(facts.map(({ event, data }) => ({ ...data, event })));
