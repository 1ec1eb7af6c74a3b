import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import type { GateCheckins } from './check-ins';

/** Which orders of an event are wanted; what is absent does not matter. Instants are canonical. */
export type OrderSelection = {
  readonly code?: string | undefined;
  readonly status?: string | undefined;
  readonly statuses?: readonly string[] | undefined;
  readonly testmode?: boolean | undefined;
  readonly email?: string | undefined;
  /** Changed here at this instant or later. */
  readonly modifiedSince?: string | undefined;
  readonly createdSince?: string | undefined;
  readonly createdBefore?: string | undefined;
};

/** What orders are sorted by; ties are settled by code. */
export const ORDER_FIELDS = ['datetime', 'code', 'status', 'last_modified'] as const;
export type OrderSort = { readonly field: (typeof ORDER_FIELDS)[number]; readonly descending: boolean };

/** An order as the shop sent it, and what the gates did with its tickets. */
export type FoundOrder = {
  readonly order: ShopOrder;
  readonly gate: ReadonlyMap<number, GateCheckins>;
};

export type ShopOrder = Readonly<Record<string, unknown>> & { readonly positions: readonly ShopPosition[] };
export type ShopPosition = Readonly<Record<string, unknown>> & {
  readonly id: number;
  readonly canceled?: boolean;
  readonly checkins?: readonly ShopCheckin[];
};
export type ShopCheckin = Readonly<Record<string, unknown>> & { readonly list: number; readonly datetime: string };

/** A page of orders, of one moment. */
export type OrderPage = {
  readonly count: number;
  readonly rows: readonly FoundOrder[];
  /** Every change that this page does not show has an instant after this one. Canonical; null: the event has no orders. */
  readonly seen: string | null;
  /** Lists that are gone, with their check-ins. */
  readonly deletedLists: ReadonlySet<number>;
};

/** Finds orders. All its functions reject with StoreUnavailable while the database is away. */
export type OrderFinder = {
  /** `event` is `organizer/slug`. */
  page(
    event: string,
    asked: OrderSelection & { sort: readonly OrderSort[]; offset: number; limit: number },
  ): Promise<OrderPage>;
};

type Row = {
  readonly count: number;
  readonly seen: string | null;
  readonly deleted: number[] | null;
  readonly order: ShopOrder | null;
  readonly gate: { ticket: number; state: GateCheckins }[] | null;
};

const COLUMN = { datetime: 'datetime', code: 'code', status: 'status', last_modified: 'modified' } as const;

export const orderFinder = (pool: Pool): OrderFinder => ({
  async page(event, { sort, offset, limit, ...selection }) {
    const values: unknown[] = [event];
    const where = conditions(selection, values);
    const terms = (sort.length > 0 ? sort : BY_TIME).map(
      ({ field, descending }) => `${COLUMN[field]} ${descending ? 'desc' : 'asc'}`,
    );
    // In the direction of the first term, so that an index has them in this order, whichever way it is read.
    const order = [...terms, `stream ${terms[0]!.endsWith('desc') ? 'desc' : 'asc'}`].join(', ');
    values.push(limit, offset);
    const { rows } = await available(
      pool.query<Row>(
        `with page as materialized (
           select stream, row_number() over (order by ${order}) as n from shown_orders where ${where}
           order by ${order} limit $${values.length - 1} offset $${values.length}
         )
         select s.count, s.seen, s.deleted, p.data as order, g.gate
         from (select (select count(*) from shown_orders where ${where})::integer as count,
                      (select to_char(max(modified) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                       from shown_orders where event = $1) as seen,
                      (select array_agg(list) from deleted_lists) as deleted) s
         left join (
           select page.n, page.stream, t.data
           from page cross join lateral (select data from order_texts where stream = page.stream offset 0) t
         ) p on true
         left join lateral (
           select json_agg(json_build_object('ticket', c.ticket, 'state', c.state)) as gate
           from (select unnest(tickets) as id from orders where stream = p.stream offset 0) q
           cross join lateral (select * from gate_checkins where ticket = q.id offset 0) c
         ) g on true
         order by p.n`,
        values,
      ),
    );
    const { count, seen, deleted } = rows[0]!;
    return {
      count,
      seen,
      deletedLists: new Set(deleted),
      rows: rows.flatMap((row) =>
        row.order ? [{ order: row.order, gate: new Map(row.gate?.map(({ ticket, state }) => [ticket, state])) }] : [],
      ),
    };
  },
});

const BY_TIME: readonly OrderSort[] = [{ field: 'datetime', descending: false }];

/** The condition on rows of the event $1; adds its parameters to `values`. */
function conditions(selection: OrderSelection, values: unknown[]): string {
  const all = ['event = $1'];
  const add = (value: unknown, condition: (parameter: string) => string) => {
    if (value === undefined) return;
    values.push(value);
    all.push(condition(`$${values.length}`));
  };
  add(selection.code, (p) => `code = ${p}`);
  add(selection.status, (p) => `status = ${p}`);
  add(selection.statuses, (p) => `status = any(${p}::text[])`);
  add(selection.testmode, (p) => `testmode = ${p}`);
  add(selection.email, (p) => `email = ${p}`);
  add(selection.modifiedSince, (p) => `modified >= ${p}::timestamptz`);
  add(selection.createdSince, (p) => `datetime >= ${p}::timestamptz`);
  add(selection.createdBefore, (p) => `datetime < ${p}::timestamptz`);
  return all.join(' and ');
}
