import type { Instant } from '@gatehouse/domain/instant';
import { coalesce } from '@gatehouse/eventing/coalesce';
import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import { SCALES, type Taken, type Until } from './tallies';
import type { VoucherRow } from './vouchers';

/** What one decision asks of the read model, by the keys of its tables. */
export type Lookup = {
  /** `organizer/slug`. */
  readonly event: string;
  /** The revision after which changed terms of vouchers are asked for. */
  readonly learned: number;
  /** Many asks of a moment have the very same. */
  readonly counted: Counted;
  /** A folded code. */
  readonly voucher: string | null;
  readonly seat: SeatAsk | null;
};

/** Keys of `shop_taken`, and accounts of `shop_until`. */
export type Counted = { readonly products: readonly string[]; readonly accounts: readonly string[] };

/** In `date` 0 means none. `distance` 0: no other seat is asked for. */
export type SeatAsk = {
  readonly date: number;
  readonly guid: string;
  readonly distance: number;
  readonly withinRow: boolean;
};

/** What all asks of a moment found; each looks up what it asked for. */
export type Found = {
  /** PostgreSQL's clock in the statement. */
  readonly now: Instant;
  event(event: string): {
    readonly revision: number;
    readonly since: number;
    readonly changed: readonly ChangedTerms[];
  };
  taken(product: string): Taken;
  until(account: string): Until;
  voucher(event: string, code: string): FoundVoucher | null;
  /** The seat and those near it; none: it is unknown. */
  seats(event: string, ask: SeatAsk): readonly FoundSeat[];
  /** Something that is made once for all asks of the moment. */
  shared<T>(key: object, make: () => T): T;
};

export type ChangedTerms = Pick<VoucherRow, 'id' | 'blocks' | 'valid_until'>;
/** `carts`: how many carts with it have not expired. */
export type FoundVoucher = VoucherRow & { readonly carts: number };
export type FoundSeat = {
  readonly id: number;
  readonly guid: string;
  readonly name: string;
  readonly blocked: boolean;
  readonly row: string | null;
  readonly x: number | null;
  readonly y: number | null;
  readonly sold: boolean;
  readonly vouchers: readonly number[];
  readonly carts: readonly { readonly id: number; readonly cart_id: string }[];
};

const NOTHING_TAKEN: Taken = { paid: 0, pending: 0, waiting: 0 };
const NOTHING_UNTIL: Until = { carts: 0, vouchers: 0 };

type Row = {
  now: Instant;
  events: { n: number; revision: number; changed: ChangedTerms[] }[] | null;
  taken: (Taken & { n: number })[] | null;
  until: (Until & { n: number })[] | null;
  vouchers: (FoundVoucher & { n: number })[] | null;
  seats: (FoundSeat & { n: number; asked: boolean })[] | null;
};

const INSTANT = SCALES.at(-1)!.length;

/**
 * One statement for all that wait, as of one moment. 'offset 0' in it: rows are found by these keys, one by one, and by nothing else
 * that an index could be chosen for; PostgreSQL may keep a plan of the days when the tables were empty.
 */
const textOf = (more: string): string => `
  with clock as materialized (
    select now, to_char(now at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as text
    from (select clock_timestamp() as now) c
  ),
  -- The rest of this second, of this minute and so on: \`~\` comes after whatever goes on in the same way.
  rest as materialized (
    select scale, case scale when ${INSTANT} then text else left(text, scale) || '~' end as first, left(text, within) || '~' as last
    from clock, (values ${SCALES.map(({ length, within }) => `(${length}, ${within})`).join()}) s(scale, within)
  )
  select clock.now,
    (select json_agg(json_build_object('n', q.n, 'revision', coalesce(r.revision, 0), 'changed', v.changed))
     from json_to_recordset($1) as q(n integer, event text, learned integer)
     left join lateral (select revision from shop_revisions where event = q.event offset 0) r on true
     cross join lateral (
       select coalesce(json_agg(json_build_object('id', id, 'blocks', blocks, 'valid_until', valid_until)), '[]') as changed
       from (
         select * from shop_vouchers where event = q.event and terms_changed > q.learned and terms_changed > 0 offset 0
       ) c
     ) v) as events,
    (select json_agg(json_build_object('n', q.n, 'paid', t.paid, 'pending', t.pending, 'waiting', t.waiting))
     from unnest($2::text[]) with ordinality q(product, n)
     cross join lateral (select * from shop_taken where product = q.product offset 0) t) as taken,
    (select json_agg(json_build_object('n', q.n, 'carts', u.carts, 'vouchers', u.vouchers))
     from unnest($3::text[]) with ordinality q(account, n)
     cross join lateral (${untilOf('q.account')}) u) as until,
    ${more}
  from clock`;

/** Most reservations ask for no voucher and no seat, and without these parts PostgreSQL takes half as long. */
const COUNTED = textOf('null as vouchers, null as seats');
const NAMED = textOf(`(select json_agg(to_jsonb(v) || jsonb_build_object('n', q.n, 'carts', u.carts))
     from json_to_recordset($4) as q(n integer, event text, code text)
     cross join lateral (
       -- A code that the shop has given anew belongs to the newer voucher.
       select * from (select * from shop_vouchers where event = q.event and code_key = q.code offset 0) coded
       order by id desc limit 1
     ) v
     cross join lateral (${untilOf("'voucher ' || v.id")}) u) as vouchers,
    (select json_agg(json_build_object(
       'n', q.n, 'asked', o.asked, 'id', o.id, 'guid', o.guid, 'name', o.name, 'blocked', o.blocked, 'row', o."row", 'x', o.x, 'y', o.y,
       'sold', exists (
         select from (
           select * from shop_positions where event = q.event and date = q.date and seat = o.guid offset 0
         ) p where not p.canceled and p.status in ('p', 'n')
       ),
       'vouchers', (
         select coalesce(json_agg(v.id), '[]')
         from (select * from shop_vouchers where event = q.event and date = q.date and seat = o.guid offset 0) v
         where v.redeemed < v.max_usages and (v.valid_until is null or v.valid_until >= clock.text)
       ),
       'carts', (
         select coalesce(json_agg(json_build_object('id', c.id, 'cart_id', c.cart_id)), '[]')
         from (
           select * from shop_carts where event = q.event and coalesce(date, 0) = q.date and seat = o.guid offset 0
         ) c where c.expires >= clock.now
       )
     ))
     from json_to_recordset($5) as q(n integer, event text, date integer, guid text, distance double precision, "withinRow" boolean)
     cross join lateral (
       select * from (select * from seats where event = q.event and date = q.date and guid = q.guid offset 0) named
       order by id desc limit 1
     ) s
     cross join lateral (
       select true as asked, s.*
       union all
       select false, near.* from (
         select * from seats
         where hall = s.hall and q.distance > 0
           and place <@ box(point(s.x - q.distance, s.y - q.distance), point(s.x + q.distance, s.y + q.distance))
         offset 0
       ) near
       where near.id <> s.id and near.event = q.event and near.date = q.date
         and (not q."withinRow" or near."row" is not distinct from s."row")
     ) o) as seats`);

function untilOf(account: string): string {
  return `
    select coalesce(sum(t.carts), 0) as carts, coalesce(sum(t.vouchers), 0) as vouchers
    from rest
    cross join lateral (
      select * from shop_until where account = ${account} and scale = rest.scale and span between rest.first and rest.last offset 0
    ) t`;
}

/** Reads for all asks of a moment together. */
export function lookups(pool: Pool): { find(ask: Lookup): Promise<Found>; idle(): Promise<void> } {
  const reads = coalesce<Lookup, Found>(
    async (asks) => {
      const found = await findAll(pool, asks);
      return asks.map(() => found);
    },
    { batch: 500, waiting: 20_000 },
  );
  return { find: (ask) => reads.ask(ask), idle: () => reads.idle() };
}

async function findAll(pool: Pool, asks: readonly Lookup[]): Promise<Found> {
  const learned = new Map<string, number>();
  const products = numbered<string>((product) => product);
  const accounts = numbered<string>((account) => account);
  const vouchers = numbered<{ event: string; code: string }>(({ event, code }) => `${event} ${code}`);
  const seats = numbered<SeatAsk & { event: string }>(
    ({ event, date, guid, distance, withinRow }) => `${event} ${date} ${distance} ${withinRow} ${guid}`,
  );
  for (const { products: each, accounts: of } of new Set(asks.map(({ counted }) => counted))) {
    each.forEach(products.add);
    of.forEach(accounts.add);
  }
  for (const { event, learned: since, voucher, seat } of asks) {
    learned.set(event, Math.min(since, learned.get(event) ?? Infinity));
    if (voucher !== null) vouchers.add({ event, code: voucher });
    if (seat) seats.add({ event, ...seat });
  }
  const events = [...learned].map(([event, since], n) => ({ n, event, learned: since }));
  const counted = [JSON.stringify(events), products.all(), accounts.all()];
  const named = [vouchers.all(), seats.all()];
  const { rows } = await available(
    pool.query<Row>({
      ...(named.every((all) => all.length === 0)
        ? { name: 'shop_counts', text: COUNTED, values: counted }
        : { name: 'shop_facts', text: NAMED, values: [...counted, ...named.map(numberedJson)] }),
    }),
  );
  const row = rows[0]!;
  const byEvent = new Map(
    row.events?.map(({ n, ...each }) => [events[n]!.event, { ...each, since: events[n]!.learned }]),
  );
  // PostgreSQL counts what it takes out of an array from 1.
  const taken = new Map(row.taken?.map((each) => [each.n - 1, each]));
  const until = new Map(row.until?.map((each) => [each.n - 1, each]));
  const voucherOf = new Map(row.vouchers?.map((each) => [each.n, each]));
  const seatsOf = new Map<number, FoundSeat[]>();
  for (const { n, asked, ...seat } of row.seats ?? []) {
    const of = seatsOf.get(n) ?? [];
    if (asked) of.unshift(seat);
    else of.push(seat);
    seatsOf.set(n, of);
  }
  const made = new Map<object, unknown>();
  return {
    now: row.now,
    event: (event) => byEvent.get(event)!,
    taken: (product) => taken.get(products.of(product)) ?? NOTHING_TAKEN,
    until: (account) => until.get(accounts.of(account)) ?? NOTHING_UNTIL,
    voucher: (event, code) => voucherOf.get(vouchers.of({ event, code })) ?? null,
    seats: (event, ask) => seatsOf.get(seats.of({ event, ...ask })) ?? [],
    shared<T>(key: object, make: () => T): T {
      if (!made.has(key)) made.set(key, make());
      return made.get(key) as T;
    },
  };
}

const numberedJson = (asks: readonly object[]): string => JSON.stringify(asks.map((ask, n) => ({ n, ...ask })));

/** Things by a number, each once: many asks want the same. */
function numbered<T>(keyOf: (thing: T) => string): { add(thing: T): void; of(thing: T): number; all(): readonly T[] } {
  const numbers = new Map<string, number>();
  const things: T[] = [];
  return {
    add(thing) {
      const key = keyOf(thing);
      if (numbers.has(key)) return;
      numbers.set(key, things.length);
      things.push(thing);
    },
    of: (thing) => numbers.get(keyOf(thing))!,
    all: () => things,
  };
}
