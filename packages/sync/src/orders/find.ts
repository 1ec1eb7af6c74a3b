import { available } from '@gatehouse/eventing/postgres';
import { Recent } from '@gatehouse/eventing/recent';
import type { Pool } from 'pg';
import type { GateCheckins } from './check-ins';
import { ORDERS } from './read-model';

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

/** An order as the shop sent it, or that of a ticket of a batch, and what the gates did with its tickets. */
export type FoundOrder = {
  readonly order: ShopOrder;
  readonly gate: ReadonlyMap<number, GateCheckins>;
};

export type ShopOrder = Readonly<Record<string, unknown>> & { readonly positions: readonly ShopPosition[] };
export type ShopPosition = Readonly<Record<string, unknown>> & {
  readonly id: number;
  readonly canceled?: boolean;
  /** null where the shop sent that for none. */
  readonly checkins?: readonly ShopCheckin[] | null;
  readonly answers?: readonly ShopAnswer[] | null;
};
export type ShopCheckin = Readonly<Record<string, unknown>> & { readonly list: number; readonly datetime: string };
export type ShopAnswer = Readonly<Record<string, unknown>> & { readonly question: number };

/** Which order, and in which state: whatever changes about it moves `modified`. */
export type OrderKey = { readonly stream: string; readonly modified: string };

/** A page of orders, of one moment. */
export type OrderPage = {
  readonly count: number;
  readonly rows: readonly OrderKey[];
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
  /** Orders by their streams, in these states or later ones. */
  orders(streams: readonly string[]): Promise<ReadonlyMap<string, FoundOrder>>;
};

type Row = {
  readonly count: number | null;
  readonly seen: string | null;
  readonly deleted: number[] | null;
  readonly stream: string | null;
  readonly modified: string;
  readonly datetime: string;
};

const COLUMN = { datetime: 'datetime', code: 'code', status: 'status', last_modified: 'modified' } as const;

/** Where the pages of a whole download begin: 2,000 of them for each of some downloads of 100,000 orders. */
const BOOKMARKS = 20_000;

/** Finds orders in the read model `orders`, through a pool of the context's schema. */
export function orderFinder(pool: Pool): OrderFinder {
  // By all that a page depends on: the last row before it.
  const bookmarks = new Recent<{ stream: string; datetime: string }>(BOOKMARKS);

  return {
    async page(event, { sort, offset, limit, ...selection }) {
      const { edition, tallied } = await overview(event, selection);
      const [{ field, descending } = BY_TIME, ...further] = sort;
      const hasBookmarks = field === 'datetime' && further.length === 0 && tallied !== undefined;
      const bookmark = (at: number) =>
        JSON.stringify([event, edition, selection.testmode, selection.status, selection.statuses, descending, at]);
      const before = hasBookmarks ? bookmarks.get(bookmark(offset)) : undefined;

      const values: unknown[] = [event];
      const where = conditions(selection, values);
      const direction = descending ? 'desc' : 'asc';
      const terms = [
        `${COLUMN[field]} ${direction}`,
        ...further.map((term) => `${COLUMN[term.field]} ${term.descending ? 'desc' : 'asc'}`),
        // In the direction of the first term, so that an index has them in this order, whichever way it is read.
        `stream ${direction}`,
      ].join(', ');
      let from = where;
      if (before) {
        values.push(before.datetime, before.stream);
        const place = `($${values.length - 1}::timestamptz, $${values.length})`;
        from = `${where} and (datetime, stream) ${descending ? '<' : '>'} ${place}`;
      }
      values.push(limit, before ? 0 : offset);
      const counted = tallied === undefined ? `(select count(*) from shown_orders where ${where})::integer` : 'null';
      const { rows } = await available(
        pool.query<Row>(
          `select s.*, p.stream, p.modified::text, p.datetime::text
           from (select ${counted} as count,
                        (select to_char(max(modified) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                         from shown_orders where event = $1) as seen,
                        (select array_agg(list order by list) from gone_lists) as deleted) s
           left join (
             select stream, modified, datetime, row_number() over (order by ${terms}) as n
             from shown_orders where ${from}
             order by ${terms} limit $${values.length - 1} offset $${values.length}
           ) p on true
           order by p.n`,
          values,
        ),
      );
      const { count, seen, deleted } = rows[0]!;
      const found = rows.flatMap(({ stream, ...row }) => (stream === null ? [] : [{ stream, ...row }]));
      const last = found.at(-1);
      if (hasBookmarks && last && found.length === limit) {
        bookmarks.set(bookmark(offset + limit), { stream: last.stream, datetime: last.datetime });
      }
      return {
        count: tallied ?? count!,
        seen,
        deletedLists: new Set(deleted),
        rows: found.map(({ stream, modified }) => ({ stream, modified })),
      };
    },

    async orders(streams) {
      if (streams.length === 0) return new Map();
      const { rows } = await available(
        pool.query<{ stream: string; order: ShopOrder; gate: { ticket: number; state: GateCheckins }[] | null }>({
          name: 'orders_found',
          // 'offset 0': by the keys, one by one, whatever PostgreSQL knows of the tables.
          text: `select q.stream, t.data as order, g.gate
                 from unnest($1::text[]) as q(stream)
                 cross join lateral (select data from order_texts where stream = q.stream offset 0) t
                 left join lateral (
                   select json_agg(json_build_object('ticket', c.ticket, 'state', c.state)) as gate
                   from (select unnest(tickets) as id from orders where stream = q.stream offset 0) o
                   cross join lateral (select * from gate_checkins where ticket = o.id offset 0) c
                 ) g on true`,
          values: [streams],
        }),
      );
      return new Map(
        rows.map(({ stream, order, gate }) => [
          stream,
          { order, gate: new Map(gate?.map(({ ticket, state }) => [ticket, state])) },
        ]),
      );
    },
  };

  /** The edition of an event's orders, and how many are wanted if that is known without looking at them. */
  async function overview(
    event: string,
    { testmode, status, statuses, ...rest }: OrderSelection,
  ): Promise<{ edition: string; tallied: number | undefined }> {
    const { rows } = await available(
      pool.query<{ edition: string | null; orders: number }>({
        name: 'orders_overview',
        // A rebuild counts editions anew, in tables of another generation.
        text: `select (select generation from read_models where name = '${ORDERS}') || '.' ||
                      (select edition from order_editions where event = $1) as edition,
                      coalesce(sum(orders), 0)::integer as orders
               from order_tallies
               where event = $1 and ($2::boolean is null or testmode = $2) and ($3::text is null or status = $3)
                 and ($4::text[] is null or status = any($4::text[]))`,
        values: [event, testmode ?? null, status ?? null, statuses ?? null],
      }),
    );
    const { edition, orders } = rows[0]!;
    const isTallied = Object.values(rest).every((value) => value === undefined);
    return { edition: edition ?? '', tallied: isTallied ? orders : undefined };
  }
}

const BY_TIME: OrderSort = { field: 'datetime', descending: false };

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
