import { admits } from '@gatehouse/domain/redeem';
import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import { statusesOf } from './query';
import type { ListRow } from '../lists';

/** How many tickets that are not canceled stand under one heading. `date` and `variation` null: those without one. */
export type TicketTally = {
  readonly date: number | null;
  readonly item: number;
  readonly variation: number | null;
  readonly status: string;
  readonly count: number;
};
/** How many check-in rows of a list stand under one heading. */
export type CheckinTally = TicketTally & { readonly list: number; readonly canceled: boolean };

/** The tallies that some lists of one event are counted from: as many rows as products and dates, however many tickets. */
export type Tallies = { readonly tickets: readonly TicketTally[]; readonly checkins: readonly CheckinTally[] };

/** Reads the tallies of some lists and dates of an event (`organizer/slug`). Rejects with StoreUnavailable while the database is away. */
export async function readTallies(
  pool: Pool,
  event: string,
  of: { lists: readonly number[]; dates: readonly (number | null)[] },
): Promise<Tallies> {
  const [tickets, checkins] = await Promise.all([
    available(
      pool.query<TicketTally>({
        name: 'ticket_tallies',
        text: `select nullif(date, 0) as date, item, nullif(variation, 0) as variation, status, tickets as count
               from ticket_tallies where event = $1 and date = any($2::integer[])`,
        values: [event, of.dates.map((date) => date ?? 0)],
      }),
    ),
    available(
      pool.query<CheckinTally>({
        name: 'checkin_tallies',
        text: `select list, nullif(date, 0) as date, item, nullif(variation, 0) as variation, status, canceled, checkins as count
               from checkin_tallies where event = $1 and list = any($2::integer[])`,
        values: [event, of.lists],
      }),
    ),
  ]);
  return { tickets: tickets.rows, checkins: checkins.rows };
}

/** The tickets that are on a list (contract §4.1, `position_count`). */
export function ticketsOn({ fields }: ListRow, { tickets }: Tallies): TicketTally[] {
  const statuses = statusesOf(fields);
  return tickets.filter(
    (tally) => tally.date === fields.subevent && statuses.includes(tally.status) && admits(fields, tally.item),
  );
}

/** Those of them that have entered (contract §4.1, `checkin_count`). */
export function enteredOn(list: ListRow, tallies: Tallies): CheckinTally[] {
  return checkinRowsOn(list, tallies).filter((tally) => tally.date === list.fields.subevent && !tally.canceled);
}

/** Check-in rows of a list, of canceled tickets and other dates, too (contract §4.4). */
export function checkinRowsOn({ id, fields }: ListRow, { checkins }: Tallies): CheckinTally[] {
  const statuses = statusesOf(fields);
  return checkins.filter((tally) => tally.list === id && statuses.includes(tally.status) && admits(fields, tally.item));
}

/** How many tickets or check-ins some tallies are together. */
export const sum = (tallies: readonly { count: number }[]): number =>
  tallies.reduce((total, { count }) => total + count, 0);
