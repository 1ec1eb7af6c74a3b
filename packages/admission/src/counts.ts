import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';

/** Numbers of tickets, or of check-ins, of one product. `variation` null: the tickets without one. */
export type Tally = { readonly item: number; readonly variation: number | null; readonly count: number };

/** Tickets of an event and date that are not canceled, by product, of orders in `statuses`; `date` null: those without one. */
export async function ticketTallies(
  pool: Pool,
  of: { event: string; date: number | null; statuses: readonly string[] },
): Promise<Tally[]> {
  const { rows } = await available(
    pool.query<Tally>({
      name: 'ticket_tallies',
      text: `select item, nullif(variation, 0) as variation, sum(tickets)::integer as count from ticket_tallies
             where event = $1 and date = $2 and status = any($3::text[]) group by item, variation`,
      values: [of.event, of.date ?? 0, of.statuses],
    }),
  );
  return rows;
}

/**
 * Check-ins of a list by product, of orders in `statuses`. `of: 'tickets'` counts those whose ticket is on the list's date and
 * not canceled (contract §4.1), `of: 'rows'` every row (§4.4, §3.6); `date` restricts the latter.
 */
export async function checkinTallies(
  pool: Pool,
  list: { id: number; event: string; date: number | null },
  how: { statuses: readonly string[]; of: 'tickets' | 'rows' | 'rows of the date' },
): Promise<Tally[]> {
  const { rows } = await available(
    pool.query<Tally>({
      name: 'checkin_tallies',
      text: `select item, nullif(variation, 0) as variation, sum(checkins)::integer as count from checkin_tallies
             where list = $1 and event = $2 and status = any($3::text[])
               and ($4 or date = $5) and ($6 or not canceled)
             group by item, variation`,
      values: [list.id, list.event, how.statuses, how.of === 'rows', list.date ?? 0, how.of !== 'tickets'],
    }),
  );
  return rows;
}
