import { sortable } from '@gatehouse/domain/instant';
import { available } from '@gatehouse/eventing/postgres';
import { Recent } from '@gatehouse/eventing/recent';
import type { Pool } from 'pg';
import { Changes, type Change } from './changes';
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
  readonly generation: string;
  readonly changes: readonly Change[] | null;
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

/** Events whose newest changes are remembered. */
const FOLLOWED = 4;
/** Changes that are read for that at the first page, and at each further one; when there are more, PostgreSQL counts. */
const MOST_AT_FIRST = 20_000;
const MOST_NEW = 5_000;

/** Finds orders in the read model `orders`, through a pool of the context's schema. */
export function orderFinder(pool: Pool): OrderFinder {
  // By all that a page depends on: the last row before it.
  const bookmarks = new Recent<{ stream: string; datetime: string }>(BOOKMARKS);
  const followed = new Recent<Changes>(FOLLOWED);
  const beginning = new Set<string>();

  const finder: OrderFinder = {
    async page(event, asked) {
      const { sort, offset, limit, ...selection } = asked;
      const { edition, tallied } = isTallied(selection) ? await overview(event, selection) : UNTALLIED;
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
      const [limited, skipped] = [`$${values.length - 1}`, `$${values.length}`];
      const since = changedSince(selection);
      const changes = since === undefined ? undefined : followed.get(event);
      const isKnown = tallied !== undefined || (changes?.holds(since!) ?? false);
      if (changes) values.push(changes.head);
      const { rows } = await available(
        pool.query<Row>(
          // All of one moment: a page that is counted before another one has changed would be the last, and that one never seen.
          `select s.count, s.seen, s.deleted, s.generation, case when coalesce(p.n, 1) = 1 then s.changes end as changes,
                  p.stream, p.modified::text, p.datetime::text
           from (select ${isKnown ? 'null' : `(select count(*) from shown_orders where ${where})::integer`} as count,
                        (select ${instant('max(modified)')} from shown_orders where event = $1) as seen,
                        (select array_agg(list order by list) from gone_lists) as deleted,
                        ${GENERATION} as generation,
                        ${changes ? `(${changesOf(`> $${values.length}`, MOST_NEW)})` : 'null'} as changes) s
           left join (
             select stream, modified, datetime, row_number() over (order by ${terms}) as n
             from shown_orders where ${from}
             order by ${terms} limit ${limited} offset ${skipped}
           ) p on true
           order by p.n`,
          values,
        ),
      );
      const { count, seen, deleted, generation, changes: added } = rows[0]!;
      if (changes && (seen === null || changes.generation !== generation || added?.length === MOST_NEW)) {
        followed.delete(event);
        return finder.page(event, asked);
      }
      if (changes) changes.add(added ?? [], seen!);
      if (since !== undefined && !isKnown && count! <= MOST_AT_FIRST) await follow(event, since);
      const found = rows.flatMap(({ stream, ...row }) => (stream === null ? [] : [{ stream, ...row }]));
      const last = found.at(-1);
      if (hasBookmarks && last && found.length === limit) {
        bookmarks.set(bookmark(offset + limit), { stream: last.stream, datetime: last.datetime });
      }
      return {
        count: tallied ?? count ?? changes!.count(since!, selection.testmode),
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
  return finder;

  /** Remembers changes of the event's orders from an instant on. */
  async function follow(event: string, since: string): Promise<void> {
    if (beginning.has(event)) return;
    beginning.add(event);
    try {
      const { rows } = await available(
        pool.query<{ generation: string; changes: Change[] | null }>({
          name: 'orders_changes',
          text: `select ${GENERATION} as generation, (${changesOf('>= $2', MOST_AT_FIRST)}) as changes`,
          values: [event, since],
        }),
      );
      const { generation, changes } = rows[0]!;
      if (!changes || changes.length === MOST_AT_FIRST) return;
      const begun = new Changes(generation, since);
      begun.add(changes, changes.at(-1)!.modified);
      followed.set(event, begun);
    } finally {
      beginning.delete(event);
    }
  }

  /** The edition of an event's orders, and how many are wanted, without looking at them. */
  async function overview(event: string, { testmode, status, statuses }: OrderSelection): Promise<Overview> {
    const { rows } = await available(
      pool.query<{ edition: string | null; orders: number }>({
        name: 'orders_overview',
        text: `select ${GENERATION} || '.' ||
                      (select edition from order_editions where event = $1) as edition,
                      coalesce(sum(orders), 0)::integer as orders
               from order_tallies
               where event = $1 and ($2::boolean is null or testmode = $2) and ($3::text is null or status = $3)
                 and ($4::text[] is null or status = any($4::text[]))`,
        values: [event, testmode ?? null, status ?? null, statuses ?? null],
      }),
    );
    const { edition, orders } = rows[0]!;
    return { edition: edition ?? '', tallied: orders };
  }
}

type Overview = { readonly edition: string; readonly tallied: number | undefined };
const UNTALLIED: Overview = { edition: '', tallied: undefined };

const areAbsent = (values: object): boolean => Object.values(values).every((value) => value === undefined);

const isTallied = ({ testmode: _testmode, status: _status, statuses: _statuses, ...rest }: OrderSelection): boolean =>
  areAbsent(rest);

/** The instant of what scanners ask for at each visit: all that has changed since then. Undefined: something else is wanted. */
const changedSince = ({ modifiedSince, testmode: _testmode, ...rest }: OrderSelection): string | undefined =>
  modifiedSince !== undefined && areAbsent(rest) ? sortable(modifiedSince) : undefined;

/** A canonical instant with six decimals. */
const instant = (time: string) => `to_char(${time} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;

/** An event's changes of orders at the instants that `are` so, in their order. */
const changesOf = (are: string, most: number) =>
  `select json_agg(c order by c.modified)
   from (select stream, testmode, ${instant('modified')} as modified from shown_orders
         where event = $1 and modified ${are}::timestamptz order by shown_orders.modified limit ${most}) c`;

/** A rebuild counts editions and instants anew, in tables of another generation. */
const GENERATION = `(select generation::text from read_models where name = '${ORDERS}')`;

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
