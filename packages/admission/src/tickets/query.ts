import { coversAllDates } from '@gatehouse/domain/checkin-list';
import { foldCase } from '@gatehouse/domain/fold';
import type { TicketStatus } from '@gatehouse/domain/redeem';
import type { ListRow } from '../lists';
import { SECRET_HOLDER } from './lookup';
import { nameKey, NO_NAME } from './row';

/** Selects tickets of a check-in list (contract §5.2). All conditions must hold. */
export type TicketQuery = {
  readonly list: ListRow;
  /** Includes tickets of all dates of a series, not only of the list's own (`allDatesOf`). */
  readonly allDates: boolean;
  /** Includes orders of any status, not only those that the list admits. */
  readonly ignoreStatus: boolean;
  /** Includes tickets of any product: those that a scan may meet (contract §6.2, step 4). */
  readonly ignoreProducts?: boolean;
  readonly where: TicketFilter;
  /** The default order when it is empty. */
  readonly ordering: readonly TicketOrder[];
};

/** Conditions in addition to the list's own; an absent one holds for every ticket. */
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
  /** The ticket's own or its parent's stored name, in any case. */
  readonly attendeeName?: string;
  readonly secret?: string;
  readonly pseudonymizationId?: string;
  readonly statuses?: readonly string[];
  readonly hasCheckin?: boolean;
};

/** One field to order by. */
export type TicketOrder = {
  readonly by: 'order__code' | 'order__datetime' | 'positionid' | 'attendee_name' | 'last_checked_in' | 'order__email';
  readonly descending: boolean;
};

/** The statuses of orders whose tickets are on a list. */
export const statusesOf = (list: { include_pending: boolean }): TicketStatus[] =>
  list.include_pending ? ['p', 'v', 'n'] : ['p', 'v'];

/** The status of the order as clients see it. */
export const shownStatus = (status: TicketStatus): Exclude<TicketStatus, 'v'> => (status === 'v' ? 'n' : status);

/** The statuses of tickets whose orders have one of those that clients know. */
const ticketStatuses = (shown: readonly string[]): string[] =>
  shown.filter((status) => status !== 'v').flatMap((status) => (status === 'n' ? ['n', 'v'] : [status]));

/** Whether a list has the tickets of all dates, when its event is a series. */
export const allDatesOf = (list: ListRow, isSeries: boolean): boolean => isSeries && coversAllDates(list.fields);

/** The list's event as `organizer/slug`. */
export const eventOf = (list: ListRow): string => `${list.fields.organizer}/${list.fields.event}`;

/** Adds a parameter to a statement's values and returns its placeholder. */
export function add(values: unknown[], value: unknown): string {
  values.push(value);
  return `$${values.length}`;
}

/**
 * A query as parts of a statement: `source` is the relation of its tickets `t`, `sql` their condition, `values` the
 * parameters of both, after those that it is given. A selective condition (a secret, a code, a name) is part of the source,
 * so that PostgreSQL uses its index even without statistics of the table ('offset 0' separates the other conditions).
 */
export function conditions(
  query: TicketQuery,
  values: unknown[] = [],
): { source: string; sql: string; values: unknown[] } {
  const { list, where } = query;
  const $ = (value: unknown) => add(values, value);
  const event = $(eventOf(list));
  // In a series every ticket has a date.
  const onDate = query.allDates ? 't.date <> 0' : `t.date = ${$(list.fields.subevent ?? 0)}`;
  const all = [`t.event = ${event}`, onDate, 'not t.canceled'];
  const named: string[][] = [];
  if (where.ticket) {
    const id = $(where.ticket.id);
    const holder = `select id from (select * from tickets h where ${hashed('h.secret', $(where.ticket.secret))} offset 0) h
                    where event = ${event} and not canceled order by ${SECRET_HOLDER} limit 1`;
    named.push([`t.id = ${id}`, `t.id = (${holder}) and t.id is distinct from ${id}`]);
  }
  if (where.secret !== undefined) named.push([hashed('t.secret', $(where.secret))]);
  if (where.pseudonymizationId !== undefined) {
    named.push([hashed('t.pseudonymization_id', $(where.pseudonymizationId))]);
  }
  if (where.order !== undefined) {
    const code = $(foldCase(where.order));
    named.push([
      `t.event = ${event} and left(t.code_key, ${START}) = left(${code}, ${START}) and t.code_key = ${code}`,
    ]);
  }
  if (where.attendeeName !== undefined && foldCase(where.attendeeName) === NO_NAME) all.push('false');
  else if (where.attendeeName !== undefined) {
    const key = $(nameKey(where.attendeeName));
    named.push([
      `t.event = ${event} and ${onDate} and not t.canceled and t.name_key = ${key}`,
      `t.event = ${event} and t.parent_name_key = ${key} and t.name_key <> ${key}`,
    ]);
  }
  const [first, ...others] = named;
  for (const each of others) all.push(`(${each.join(' or ')})`);
  if (!list.fields.all_products && !query.ignoreProducts)
    all.push(`t.item = any(${$(list.fields.limit_products)}::integer[])`);
  if (!query.ignoreStatus) all.push(`t.status = any(${$(statusesOf(list.fields))}::text[])`);
  if (where.search !== undefined) all.push(searching(where.search, $));
  if (where.items) all.push(`t.item = any(${$(where.items)}::integer[])`);
  if (where.variations) all.push(`t.variation = any(${$(where.variations)}::integer[])`);
  if (where.dates) all.push(`t.date = any(${$(where.dates)}::integer[])`);
  if (where.addonTo) all.push(`t.addon_to = any(${$(where.addonTo)}::integer[])`);
  if (where.vouchers) all.push(`t.voucher = any(${$(where.vouchers)}::integer[])`);
  if (where.statuses) all.push(`t.status = any(${$(ticketStatuses(where.statuses))}::text[])`);
  if (where.hasCheckin !== undefined) {
    const exists = `exists (select 1 from checkins e where e.list = ${$(list.id)} and e.ticket = t.id)`;
    all.push(where.hasCheckin ? exists : `not ${exists}`);
  }
  const source = first
    ? `(${first.map((each) => `(select * from tickets t where ${each} offset 0)`).join(' union all ')})`
    : 'tickets';
  return { source, sql: all.join(' and '), values };
}

/** Texts that may be too long for an index are found by their hashes (tickets.read-model-indexes.sql). */
const hashed = (column: string, text: string) =>
  `hashtextextended(${column}, 0) = hashtextextended(${text}, 0) and ${column} = ${text}`;

/** Number of characters of secrets and order codes in their text indexes. */
export const START = 200;

/**
 * The condition that a folded secret or order code begins with a folded text, written so that PostgreSQL uses the column's index.
 * `$` adds a parameter and returns its placeholder.
 */
export function beginsWith(column: 'secret_key' | 'code_key', text: string, $: (value: unknown) => string): string {
  const start = [...text].slice(0, START).join('');
  const indexed = `left(${column}, ${START}) like ${$(`${escapeLike(start)}%`)}`;
  return start === text ? indexed : `(${indexed} and ${column} like ${$(`${escapeLike(text)}%`)})`;
}

/** A prefix of a secret or an order code, or any part of a name or an e-mail (contract §5.2). */
function searching(text: string, $: (value: unknown) => string): string {
  const folded = foldCase(text);
  const anywhere = $(`%${escapeLike(folded)}%`);
  return `(t.search like ${anywhere} or ${beginsWith('secret_key', folded, $)} or ${beginsWith('code_key', folded, $)})`;
}

/** A text as a LIKE pattern that matches exactly this text. */
export const escapeLike = (text: string): string => text.replace(/[\\%_]/g, '\\$&');
