import { coversAllDates, coversDate } from '@gatehouse/domain/checkin-list';
import { admits, type TicketStatus } from '@gatehouse/domain/redeem';
import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import { statusesOf } from './query';
import type { ListRow } from '../lists';

/** Number of tickets, without canceled ones, with these properties. `date` and `variation` null: those without one. */
export type TicketTally = {
  readonly date: number | null;
  readonly item: number;
  readonly variation: number | null;
  readonly status: TicketStatus;
  readonly count: number;
};
/** Number of check-in rows of a list with these properties. */
export type CheckinTally = TicketTally & {
  readonly list: number;
  readonly canceled: boolean;
  /** How many of them have left since. */
  readonly outside: number;
};

/**
 * The tallies from which the counts of some lists of one event are computed: one row per product and date, however many
 * tickets there are.
 */
export type Tallies = { readonly tickets: readonly TicketTally[]; readonly checkins: readonly CheckinTally[] };

/** Reads the tallies of some lists of an event (`organizer/slug`), and of the dates that they cover. Rejects with StoreUnavailable while the database is away. */
export async function readTallies(pool: Pool, event: string, lists: readonly ListRow[]): Promise<Tallies> {
  const [tickets, checkins] = await Promise.all([
    available(
      pool.query<TicketTally>({
        name: 'ticket_tallies',
        text: `select nullif(date, 0) as date, item, nullif(variation, 0) as variation, status, tickets as count
               from ticket_tallies where event = $1 and ($2::integer[] is null or date = any($2))`,
        values: [event, datesOf(lists)],
      }),
    ),
    available(
      pool.query<CheckinTally>({
        name: 'checkin_tallies',
        text: `select list, nullif(date, 0) as date, item, nullif(variation, 0) as variation, status, canceled, checkins as count,
                      outside
               from checkin_tallies where event = $1 and list = any($2::integer[])`,
        values: [event, lists.map(({ id }) => id)],
      }),
    ),
  ]);
  return { tickets: tickets.rows, checkins: checkins.rows };
}

/** The dates of some lists, 0 for none; null: all dates. */
const datesOf = (lists: readonly ListRow[]): number[] | null =>
  lists.some(({ fields }) => coversAllDates(fields)) ? null : lists.map(({ fields }) => fields.subevent ?? 0);

/** The tickets that are on a list (contract §4.1, `position_count`). */
export function ticketsOn({ fields }: ListRow, { tickets }: Tallies): TicketTally[] {
  const statuses = statusesOf(fields);
  return tickets.filter(
    (tally) => coversDate(fields, tally.date) && statuses.includes(tally.status) && admits(fields, tally.item),
  );
}

/** The tickets on the list that have entered (contract §4.1, `checkin_count`). */
export function enteredOn(list: ListRow, tallies: Tallies): CheckinTally[] {
  return checkinRowsOn(list, tallies).filter((tally) => coversDate(list.fields, tally.date) && !tally.canceled);
}

/** How many tickets on the list have entered and not left since (contract §10, 3.12: `inside_count`). */
export const insideOf = (list: ListRow, tallies: Tallies): number =>
  enteredOn(list, tallies).reduce((total, { count, outside }) => total + count - outside, 0);

/** Check-in rows of a list, including those of canceled tickets and other dates (contract §4.4). */
export function checkinRowsOn({ id, fields }: ListRow, { checkins }: Tallies): CheckinTally[] {
  const statuses = statusesOf(fields);
  return checkins.filter((tally) => tally.list === id && statuses.includes(tally.status) && admits(fields, tally.item));
}

/** The sum of some tallies. */
export const sum = (tallies: readonly { count: number }[]): number =>
  tallies.reduce((total, { count }) => total + count, 0);
