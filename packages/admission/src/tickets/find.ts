import { foldCase } from '@gatehouse/domain/fold';
import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import { TICKET_COLUMNS, ticketOf, type Ticket, type TicketRow } from './lookup';
import { pageCache } from './page-cache';
import { add, conditions, eventOf, START, statusesOf, type TicketOrder, type TicketQuery } from './query';

const ORDER_BY: Record<TicketOrder['by'], [ascending: string, descending: string]> = {
  order__code: ['t.order_code', 't.order_code desc'],
  order__datetime: ['t.order_time', 't.order_time desc'],
  positionid: ['t.positionid', 't.positionid desc'],
  attendee_name: ['t.shown_name_key nulls first', 't.shown_name_key desc nulls last'],
  last_checked_in: ['c.time nulls first', 'c.time desc nulls last'],
  order__email: ['t.email_key', 't.email_key desc'],
};
const DEFAULT_ORDER = 't.name_key, t.positionid, t.id';

/** Finds tickets of lists. All its functions reject with StoreUnavailable while the database cannot be reached. */
export type TicketFinder = {
  /** The number of tickets that the query selects. */
  count(query: TicketQuery): Promise<number>;
  /** At most `limit` tickets after the first `offset`, in the query's order. */
  page(query: TicketQuery, range: { offset: number; limit: number }): Promise<Ticket[]>;
  /** The same of several queries, of lists of different events, whose ordering is that of the first. */
  pageOfAll(queries: readonly TicketQuery[], range: { offset: number; limit: number }): Promise<Ticket[]>;
  /** The ticket among the query's that has this id, or else this secret; undefined when there is none. */
  named(query: TicketQuery, name: { id: number | null; secret: string }): Promise<Ticket | undefined>;
  /** The ticket of an event (`organizer/slug`) with this id, whatever lists it is on; undefined for a canceled one, too. */
  ofEvent(event: string, id: number): Promise<Ticket | undefined>;
  /** The add-ons of a ticket, without canceled ones, in the order of their numbers. */
  addonsOf(ticket: Ticket): Promise<Ticket[]>;
  /** Those of some ids that are tickets of any event, canceled ones included. */
  existing(ids: readonly number[]): Promise<Set<number>>;
};

type Row = TicketRow & { id: number; name_key: string; positionid: number };

/** A finder with a page cache of its own: one per process, or per command. */
export function ticketFinder(pool: Pool): TicketFinder {
  const cursors = pageCache();

  async function count(query: TicketQuery): Promise<number> {
    const { list } = query;
    if (!isPlain(query)) {
      const { source, sql, values } = conditions(query);
      const { rows } = await available(
        pool.query<{ count: number }>(`select count(*)::integer as count from ${source} t where ${sql}`, values),
      );
      return rows[0]!.count;
    }
    const { rows } = await available(
      pool.query<{ count: number }>({
        name: 'count_tickets_of_list',
        text: `select coalesce(sum(tickets), 0)::integer as count from ticket_tallies
               where event = $1 and (date = $2 or $7) and ($3 or item = any($4::integer[])) and ($5 or status = any($6::text[]))`,
        values: [
          eventOf(list),
          list.fields.subevent ?? 0,
          list.fields.all_products || query.ignoreProducts === true,
          list.fields.limit_products,
          query.ignoreStatus,
          statusesOf(list.fields),
          query.allDates,
        ],
      }),
    );
    return rows[0]!.count;
  }

  async function page(query: TicketQuery, { offset, limit }: { offset: number; limit: number }): Promise<Ticket[]> {
    const { source, sql, values } = conditions(query);
    const plain = query.ordering.length === 0;
    const orderBy = orderOf(query);
    const checkin = checkinsFor(query, values);
    // A deep page continues from the nearest cached cursor instead of counting from the first ticket.
    const walk = plain && isPlain(query) ? await walkOf(query) : undefined;
    const cursor = walk ? cursors.nearest(walk, offset) : undefined;
    const from = cursor
      ? `and (t.name_key, t.positionid, t.id) >= (${add(values, cursor.name_key)}, ${add(values, cursor.positionid)}, ${add(values, cursor.id)})`
      : '';
    const skip = add(values, offset - (cursor?.offset ?? 0));
    const { rows } = await available(
      pool.query<Row>(
        pageOf(
          `t.id, t.name_key, t.positionid, ${TICKET_COLUMNS}`,
          `select t.id from ${source} t ${checkin} where ${sql} ${from} order by ${orderBy} offset ${skip} limit ${add(values, limit)}`,
        ),
        values,
      ),
    );
    if (walk && rows[0]) cursors.put(walk, { offset, ...keyOf(rows[0]) });
    return rows.map(ticketOf);
  }

  async function pageOfAll(
    queries: readonly TicketQuery[],
    { offset, limit }: { offset: number; limit: number },
  ): Promise<Ticket[]> {
    const [first, ...others] = queries;
    if (!first) return [];
    if (others.length === 0) return page(first, { offset, limit });
    const values: unknown[] = [];
    const most = add(values, offset + limit);
    const orderBy = orderOf(first);
    // Of each list no more than the page can hold, in the order of the page, which an index may have.
    const parts = queries.map((query) => {
      const { source, sql } = conditions(query, values);
      const checkin = checkinsFor(query, values);
      const time = checkin === '' ? '' : ', c.time';
      return `(select ${ORDERED_BY}${time} from ${source} t ${checkin} where ${sql} order by ${orderBy} limit ${most})`;
    });
    const { rows } = await available(
      pool.query<TicketRow>(
        pageOf(
          TICKET_COLUMNS,
          `select id from (${parts.join(' union all ')}) t
           order by ${orderBy.replaceAll('c.time', 't.time')} offset ${add(values, offset)} limit ${add(values, limit)}`,
        ),
        values,
      ),
    );
    return rows.map(ticketOf);
  }

  /** The name of a plain query's walk in the page cache; it changes whenever the shop's facts or the list change. */
  async function walkOf(query: TicketQuery): Promise<string> {
    const { rows } = await available(
      pool.query<{ position: string | null; generation: number }>({
        name: 'tickets_state_of_reference',
        // The checkpoint's topic depends on the bus.
        text: `select string_agg(position, ' ' order by topic) as position,
                      (select generation from read_models where name = 'tickets') as generation
               from checkpoints where name = 'tickets' and topic <> 'admission'`,
      }),
    );
    const { list, allDates, ignoreStatus, ignoreProducts } = query;
    return [
      list.id,
      list.revision,
      allDates,
      ignoreStatus,
      ignoreProducts === true,
      rows[0]?.position,
      rows[0]?.generation,
    ].join(' ');
  }

  async function named(query: TicketQuery, name: { id: number | null; secret: string }): Promise<Ticket | undefined> {
    const found = await page({ ...query, where: { ...query.where, ticket: name } }, { offset: 0, limit: 2 });
    return found.find(({ id }) => id === name.id) ?? found[0];
  }

  async function ofEvent(event: string, id: number): Promise<Ticket | undefined> {
    const { rows } = await available(
      pool.query<TicketRow>({
        name: 'ticket_of_event',
        text: `select ${TICKET_COLUMNS}
               from (select * from tickets where id = $1 offset 0) t
               left join admissions a on a.ticket = t.id
               where t.event = $2 and not t.canceled`,
        values: [id, event],
      }),
    );
    return rows[0] && ticketOf(rows[0]);
  }

  async function addonsOf({ id, event, facts }: Ticket): Promise<Ticket[]> {
    const { rows } = await available(
      pool.query<TicketRow>({
        name: 'addons_of_ticket',
        // By the code of their order, which has an index.
        text: `select ${TICKET_COLUMNS}
               from (
                 select * from tickets
                 where event = $1 and left(code_key, ${START}) = left($2, ${START}) and code_key = $2 offset 0
               ) t
               left join admissions a on a.ticket = t.id
               where t.addon_to = $3 and not t.canceled
               order by t.positionid, t.id`,
        values: [event, foldCase(facts.order.code), id],
      }),
    );
    return rows.map(ticketOf);
  }

  async function existing(ids: readonly number[]): Promise<Set<number>> {
    const { rows } = await available(
      pool.query<{ id: number }>('select id from tickets where id = any($1::bigint[])', [ids]),
    );
    return new Set(rows.map(({ id }) => id));
  }

  return { count, page, pageOfAll, named, ofEvent, addonsOf, existing };
}

/** The statement that reads columns of the tickets `t`, with their histories `a`, that the statement `ids` selects, in its order. */
const pageOf = (columns: string, ids: string): string => `
  select ${columns}
  from (
    -- Numbered after the limit: else every ticket that is skipped gets its number, too.
    select id, row_number() over () as place from (${ids}) ids
  ) page
  join tickets t on t.id = page.id
  left join admissions a on a.ticket = t.id
  order by page.place`;

/** The columns by which tickets are ordered, but for the time of the check-in. */
const ORDERED_BY = 't.id, t.order_code, t.order_time, t.positionid, t.name_key, t.shown_name_key, t.email_key';

function orderOf({ ordering }: TicketQuery): string {
  if (ordering.length === 0) return DEFAULT_ORDER;
  return [...ordering.map(({ by, descending }) => ORDER_BY[by][descending ? 1 : 0]), 't.id'].join(', ');
}

/** The join with the check-ins `c` of the query's list, if they are ordered by them. */
const checkinsFor = ({ ordering, list }: TicketQuery, values: unknown[]): string =>
  ordering.some(({ by }) => by === 'last_checked_in')
    ? `left join checkins c on c.ticket = t.id and c.list = ${add(values, list.id)}`
    : '';

const keyOf = ({ name_key, positionid, id }: Row) => ({ name_key, positionid, id });

/** Whether only the list itself selects the tickets: then counts are computed from the tallies. */
const isPlain = (query: TicketQuery): boolean => Object.keys(query.where).length === 0;
