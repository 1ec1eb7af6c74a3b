import type { Instant } from '@gatehouse/domain/instant';
import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';

/** An event of the shop. */
export type Where = { readonly organizer: string; readonly event: string };

/** A cart position as the APIs show it (contract §8.1): one that was made here, or one of the shop. */
export type CartRow = {
  readonly id: number;
  readonly cart_id: string;
  readonly item: number;
  readonly variation: number | null;
  readonly date: number | null;
  /** Two decimals. */
  readonly price: string;
  readonly attendee_name_parts: Readonly<Record<string, unknown>>;
  readonly attendee_email: string | null;
  /** Its id. */
  readonly voucher: number | null;
  readonly addon_to: number | null;
  readonly datetime: Instant;
  readonly expires: Instant;
  readonly includes_tax: boolean;
  readonly answers: readonly unknown[];
  readonly seat: { readonly id: number; readonly name: string; readonly guid: string } | null;
};

/** A cart position, whether the shop has made it, and the guid of its seat, which may be one that the shop does not state (any more). */
export type Found = CartRow & {
  readonly imported: boolean;
  readonly guid: string | null;
  /** PostgreSQL's clock when it was read. */
  readonly now: Instant;
};

/** One field to order by. */
export type CartOrder = { readonly by: 'datetime' | 'cart_id'; readonly descending: boolean };

export type CartFinder = {
  /** A position that is served: of a cart `…@api`, neither deleted nor purged (contract §8.2, §8.5). */
  find(where: Where, id: number): Promise<Found | undefined>;
  /**
   * How many are served, and at most `limit` of them after the first `offset`. By `datetime` when no order is given; those that are equal
   * in all that they are ordered by come in the order of their ids, in the direction of the first field.
   */
  page(
    where: Where,
    asked: { readonly ordering: readonly CartOrder[]; readonly offset: number; readonly limit: number },
  ): Promise<{ count: number; rows: CartRow[] }>;
  /** Positions that were made here, whatever has become of them since, until they are purged. */
  made(ids: readonly number[]): Promise<CartRow[]>;
  /** Those that one request has made, by their place in its list; `request` is the namespace of its idempotency key. */
  madeBy(where: Where, request: string): Promise<ReadonlyMap<number, CartRow>>;
};

const OWN = `c.id, c.cart_id, c.item, c.variation, c.date, c.price, c.attendee_name_parts, c.attendee_email, c.voucher, null::integer as addon_to,
  c.datetime, c.expires, c.includes_tax, c.answers, c.seat as guid, false as imported, c.event`;
const SHOPS = `c.id, c.cart_id, c.item, c.variation, c.date, c.price, c.attendee_name_parts, c.attendee_email, c.voucher, c.addon_to,
  c.datetime, c.expires, c.includes_tax, c.answers, c.seat as guid, true as imported, c.event`;

/** Positions are purged 14 days after the later of `datetime` and `expires` (contract §8.5). */
const PURGE = "now() - interval '14 days'";
/** Of `carts c`: whether it is served. */
const OWN_SERVED = `c.listed and c.kept_from >= ${PURGE}`;
/** The same of `shop_carts c`, as its indexes have it. */
const SHOPS_LISTED = `right(c.cart_id, 4) = '@api'`;
const SHOPS_SERVED = `${SHOPS_LISTED} and greatest(c.datetime, c.expires) >= ${PURGE}`;

type Row = Omit<Found, 'seat'> & {
  readonly event: string;
  readonly place: number;
  readonly seat_id: number | null;
  readonly seat_name: string | null;
};

/** A statement that selects positions, with their seats. `source` selects the columns of OWN and SHOPS, and `place`. */
const seated = (source: string): string => `
  select p.*, s.id as seat_id, s.name as seat_name, now()
  from (${source}) p
  left join lateral (
    select id, name from seats where event = p.event and date = coalesce(p.date, 0) and guid = p.guid limit 1
  ) s on p.guid is not null
  order by p.place`;

/** Finds cart positions. All its functions reject with StoreUnavailable while the database cannot be reached. */
export function cartFinder(pool: Pool): CartFinder {
  async function rowsOf(statement: { name?: string; source: string; values: unknown[] }): Promise<Row[]> {
    const { source, ...asked } = statement;
    const { rows } = await available(pool.query<Row>({ ...asked, text: seated(source) }));
    return rows;
  }

  async function count(event: string): Promise<number> {
    const { rows } = await available(
      pool.query<{ count: number }>({
        name: 'count_carts',
        // Of our own they are kept count of; what is purged and not deleted yet are few, and found by their age.
        text: `select coalesce((select listed - purged from inventories where event = $1), 0)
                 - (select count(*) from carts c where c.kept_from < ${PURGE} and not c.held and c.event = $1 and c.listed)::integer
                 - (select count(*) from carts c
                    where c.expires < ${PURGE} and c.held and c.kept_from < ${PURGE} and c.event = $1 and c.listed)::integer
                 + (select count(*) from shop_carts c where c.event = $1 and ${SHOPS_SERVED})::integer as count`,
        values: [event],
      }),
    );
    return rows[0]!.count;
  }

  return {
    async find(where, id) {
      const source = `select ${OWN}, 1 as place from carts c where c.id = $2 and c.event = $1 and ${OWN_SERVED}
                      union all
                      select ${SHOPS}, 2 from shop_carts c where c.id = $2 and c.event = $1 and ${SHOPS_SERVED}`;
      const [row] = await rowsOf({ name: 'find_cart', source, values: [keyOf(where), id] });
      return row && { ...cartOf(row), imported: row.imported, guid: row.guid, now: row.now };
    },

    async page(where, { ordering, offset, limit }) {
      const event = keyOf(where);
      const { columns, orderBy } = orderOf(ordering);
      // By one field both tables are read in the order of an index and merged: however deep the page, nothing is sorted. The statement
      // has no name, and so it is planned for this offset.
      const source = `
        with page as materialized (
          -- Numbered after the limit, so that what is skipped gets no number.
          select id, imported, row_number() over () as place from (
            select id, imported from (
              (select ${columns}, false as imported from carts c where c.event = $1 and ${OWN_SERVED}
               order by ${orderBy} limit $2::bigint + $3::bigint)
              union all
              (select ${columns}, true from shop_carts c where c.event = $1 and ${SHOPS_SERVED}
               order by ${orderBy} limit $2::bigint + $3::bigint)
            ) served
            order by ${orderBy} offset $2 limit $3
          ) ids
        )
        select ${OWN}, page.place from page join carts c on c.id = page.id where not page.imported
        union all
        select ${SHOPS}, page.place from page join shop_carts c on c.id = page.id where page.imported`;
      const total = await count(event);
      // A page far behind the end must not read all that come before it.
      const rows = offset < total ? await rowsOf({ source, values: [event, offset, limit] }) : [];
      return { count: total, rows: rows.map(cartOf) };
    },

    async made(ids) {
      const source = `select ${OWN}, c.id as place from carts c where c.id = any($1::integer[])`;
      return (await rowsOf({ name: 'carts_made', source, values: [ids] })).map(cartOf);
    },

    async madeBy(where, request) {
      // Between `<request>/` and what comes after all of its places.
      const source = `select ${OWN}, split_part(c.request, '/', 2)::integer as place from carts c
                      where c.request > $2 || '/' and c.request < $2 || '0' and c.event = $1`;
      const rows = await rowsOf({ name: 'carts_made_by', source, values: [keyOf(where), request] });
      return new Map(rows.map((row) => [row.place, cartOf(row)]));
    },
  };
}

/** The order as parts of a statement; a field that comes a second time adds nothing. */
function orderOf(ordering: readonly CartOrder[]): { columns: string; orderBy: string } {
  const fields = new Map<string, boolean>();
  for (const { by, descending } of ordering) if (!fields.has(by)) fields.set(by, descending);
  if (fields.size === 0) fields.set('datetime', false);
  fields.set('id', [...fields.values()][0]!);
  const orderBy = [...fields].map(([by, descending]) => `${by} ${descending ? 'desc' : 'asc'}`).join(', ');
  return { columns: [...fields.keys()].join(', '), orderBy };
}

const keyOf = ({ organizer, event }: Where): string => `${organizer}/${event}`;

function cartOf({ guid, seat_id, seat_name, ...found }: Row): CartRow {
  const { event: _event, place: _place, imported: _imported, now: _now, ...row } = found;
  return { ...row, seat: guid === null || seat_id === null ? null : { id: seat_id, name: seat_name ?? guid, guid } };
}
