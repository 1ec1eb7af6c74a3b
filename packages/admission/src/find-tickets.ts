import { foldCase } from '@gatehouse/domain/fold';
import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import type { ListRow } from './lists';
import { SECRET_HOLDER, ticketOf, type Ticket, type TicketRow } from './lookup';
import { NO_NAME } from './tickets/row';

/** What tickets of a check-in list are asked for (contract §5.2). All conditions must hold. */
export type TicketQuery = {
  readonly list: ListRow;
  /** Orders of any status, not only those that the list lets in. */
  readonly ignoreStatus: boolean;
  /** Tickets of any product: what a scan may meet (contract §6.2, step 4). */
  readonly ignoreProducts?: boolean;
  readonly where: TicketFilter;
  readonly ordering: readonly TicketOrder[];
};

export type TicketFilter = {
  /** Its id or its secret. */
  readonly ticket?: { readonly id: number | null; readonly secret: string };
  readonly order?: string;
  readonly search?: string;
  readonly items?: readonly number[];
  readonly variations?: readonly number[];
  readonly dates?: readonly number[];
  readonly addonTo?: readonly number[];
  readonly vouchers?: readonly number[];
  /** Own or parent's stored name, whatever its case. */
  readonly attendeeName?: string;
  readonly secret?: string;
  readonly pseudonymizationId?: string;
  readonly statuses?: readonly string[];
  readonly hasCheckin?: boolean;
};

export type TicketOrder = {
  readonly by: 'order__code' | 'order__datetime' | 'positionid' | 'attendee_name' | 'last_checked_in' | 'order__email';
  readonly descending: boolean;
};

const ORDER_BY: Record<TicketOrder['by'], [ascending: string, descending: string]> = {
  order__code: ['t.order_code', 't.order_code desc'],
  order__datetime: ['t.order_time', 't.order_time desc'],
  positionid: ['t.positionid', 't.positionid desc'],
  attendee_name: ['t.shown_name_key nulls first', 't.shown_name_key desc nulls last'],
  last_checked_in: ['c.time nulls first', 'c.time desc nulls last'],
  order__email: ['t.email_key', 't.email_key desc'],
};
const DEFAULT_ORDER = 't.name_key, t.positionid, t.id';

/** The statuses of orders whose tickets are on a list. */
export const statusesOf = (list: { include_pending: boolean }): string[] => (list.include_pending ? ['p', 'n'] : ['p']);

/** Finds tickets of lists, page by page. */
export type TicketFinder = {
  count(query: TicketQuery): Promise<number>;
  /** At most `limit` tickets after the first `offset`. */
  page(query: TicketQuery, range: { offset: number; limit: number }): Promise<Ticket[]>;
};

type Row = TicketRow & { name_key: string; positionid: number };

export function ticketFinder(pool: Pool): TicketFinder {
  const bookmarks = bookmarkShelf();

  async function count(query: TicketQuery): Promise<number> {
    const { list } = query;
    if (!isPlain(query)) {
      const { sql, values } = conditions(query);
      const { rows } = await available(
        pool.query<{ count: number }>(`select count(*)::integer as count from tickets t where ${sql}`, values),
      );
      return rows[0]!.count;
    }
    const { rows } = await available(
      pool.query<{ count: number }>({
        name: 'count_tickets_of_list',
        text: `select coalesce(sum(tickets), 0)::integer as count from ticket_tallies
               where event = $1 and date = $2 and ($3 or item = any($4::integer[])) and ($5 or status = any($6::text[]))`,
        values: [
          eventOf(list),
          list.fields.subevent ?? 0,
          list.fields.all_products || query.ignoreProducts === true,
          list.fields.limit_products,
          query.ignoreStatus,
          statusesOf(list.fields),
        ],
      }),
    );
    return rows[0]!.count;
  }

  async function page(query: TicketQuery, { offset, limit }: { offset: number; limit: number }): Promise<Ticket[]> {
    const { sql, values } = conditions(query);
    const orders = [...query.ordering.map(({ by, descending }) => ORDER_BY[by][descending ? 1 : 0]), 't.id'];
    const plain = query.ordering.length === 0;
    const orderBy = plain ? DEFAULT_ORDER : orders.join(', ');
    const checkin = query.ordering.some(({ by }) => by === 'last_checked_in')
      ? `left join checkins c on c.ticket = t.id and c.list = ${add(values, query.list.id)}`
      : '';
    // A deep page goes on from the nearest bookmark instead of counting from the first ticket.
    const shelf = plain && isPlain(query) ? await shelfOf(query) : undefined;
    const mark = shelf ? bookmarks.nearest(shelf, offset) : undefined;
    const from = mark
      ? `and (t.name_key, t.positionid, t.id) >= (${add(values, mark.name_key)}, ${add(values, mark.positionid)}, ${add(values, mark.id)})`
      : '';
    const skip = add(values, offset - (mark?.offset ?? 0));
    const { rows } = await available(
      pool.query<Row>(
        `select t.id, t.event, t.date, t.item, t.variation, t.status, t.facts, t.name_key, t.positionid, a.revision, a.state
         from (
           -- Numbered after the limit: else every ticket that is skipped gets its number, too.
           select id, row_number() over () as place
           from (
             select t.id from tickets t ${checkin} where ${sql} ${from} order by ${orderBy} offset ${skip} limit ${add(values, limit)}
           ) ids
         ) page
         join tickets t on t.id = page.id
         left join admissions a on a.ticket = t.id
         order by page.place`,
        values,
      ),
    );
    if (shelf && rows[0]) bookmarks.put(shelf, { offset, ...keyOf(rows[0]) });
    return rows.map(ticketOf);
  }

  /** Names the set of tickets that a plain query walks through; another name as soon as the shop's facts have changed. */
  async function shelfOf(query: TicketQuery): Promise<string> {
    const { rows } = await available(
      pool.query<{ position: string | null; generation: number }>({
        name: 'tickets_state_of_reference',
        // The topic of reference has its name from the bus.
        text: `select string_agg(position, ' ' order by topic) as position,
                      (select generation from read_models where name = 'tickets') as generation
               from checkpoints where name = 'tickets' and topic <> 'admission'`,
      }),
    );
    const { list, ignoreStatus, ignoreProducts } = query;
    return [list.id, list.revision, ignoreStatus, ignoreProducts === true, rows[0]?.position, rows[0]?.generation].join(
      ' ',
    );
  }

  return { count, page };
}

const keyOf = ({ name_key, positionid, id }: Row) => ({ name_key, positionid, id });

const eventOf = (list: ListRow): string => `${list.fields.organizer}/${list.fields.event}`;

/** Whether only the list itself chooses: then counts come from the tallies. */
const isPlain = (query: TicketQuery): boolean => Object.keys(query.where).length === 0;

/** Adds a parameter and answers its placeholder. */
function add(values: unknown[], value: unknown): string {
  values.push(value);
  return `$${values.length}`;
}

function conditions(query: TicketQuery): { sql: string; values: unknown[] } {
  const { list, where } = query;
  const values: unknown[] = [];
  const $ = (value: unknown) => add(values, value);
  const all = [`t.event = ${$(eventOf(list))}`, `t.date = ${$(list.fields.subevent ?? 0)}`, 'not t.canceled'];
  if (!list.fields.all_products && !query.ignoreProducts)
    all.push(`t.item = any(${$(list.fields.limit_products)}::integer[])`);
  if (!query.ignoreStatus) all.push(`t.status = any(${$(statusesOf(list.fields))}::text[])`);
  if (where.ticket) {
    const holder = `select id from tickets where secret = ${$(where.ticket.secret)} and event = $1 and not canceled
                    order by ${SECRET_HOLDER} limit 1`;
    all.push(`t.id in (${$(where.ticket.id)}, (${holder}))`);
  }
  if (where.order !== undefined) all.push(`t.code_key = ${$(foldCase(where.order))}`);
  if (where.search !== undefined) all.push(searching(where.search, $));
  if (where.items) all.push(`t.item = any(${$(where.items)}::integer[])`);
  if (where.variations) all.push(`t.variation = any(${$(where.variations)}::integer[])`);
  if (where.dates) all.push(`t.date = any(${$(where.dates)}::integer[])`);
  if (where.addonTo) all.push(`t.addon_to = any(${$(where.addonTo)}::integer[])`);
  if (where.vouchers) all.push(`t.voucher = any(${$(where.vouchers)}::integer[])`);
  if (where.attendeeName !== undefined) {
    const key = foldCase(where.attendeeName);
    all.push(key === NO_NAME ? 'false' : named($(key)));
  }
  if (where.secret !== undefined) all.push(`t.secret = ${$(where.secret)}`);
  if (where.pseudonymizationId !== undefined) all.push(`t.pseudonymization_id = ${$(where.pseudonymizationId)}`);
  if (where.statuses) all.push(`t.status = any(${$(where.statuses)}::text[])`);
  if (where.hasCheckin !== undefined) {
    const exists = `exists (select 1 from checkins e where e.list = ${$(list.id)} and e.ticket = t.id)`;
    all.push(where.hasCheckin ? exists : `not ${exists}`);
  }
  return { sql: all.join(' and '), values };
}

/** Its own name or its parent's. */
const named = (key: string) => `(t.name_key = ${key} or t.parent_name_key = ${key})`;

/** The start of a secret or an order code, or any part of a name or an e-mail (contract §5.2). */
function searching(text: string, $: (value: unknown) => string): string {
  const pattern = escapeLike(foldCase(text));
  const start = $(`${pattern}%`);
  return `(t.search like ${$(`%${pattern}%`)} or t.secret_key like ${start} or t.code_key like ${start})`;
}

/** A text as a LIKE pattern that matches just itself. */
export const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');

type Bookmark = { offset: number; name_key: string; positionid: number; id: number };

const SHELVES = 50;
const MARKS = 2_000;

/** Remembers at which ticket a page of a list began, so that a later page can go on from there. A hint of one process. */
function bookmarkShelf() {
  const shelves = new Map<string, Map<number, Bookmark>>();
  return {
    nearest(shelf: string, offset: number): Bookmark | undefined {
      let best: Bookmark | undefined;
      for (const mark of shelves.get(shelf)?.values() ?? []) {
        if (mark.offset <= offset && mark.offset > (best?.offset ?? 0)) best = mark;
      }
      return best;
    },
    put(shelf: string, mark: Bookmark): void {
      const marks = shelves.get(shelf) ?? new Map<number, Bookmark>();
      shelves.delete(shelf);
      shelves.set(shelf, marks);
      if (mark.offset > 0 && marks.size < MARKS) marks.set(mark.offset, mark);
      if (shelves.size > SHELVES) shelves.delete(shelves.keys().next().value!);
    },
  };
}
