import { foldCase } from '@gatehouse/domain/fold';
import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import type { Ticket } from './lookup';
import { add, beginsWith, escapeLike } from './query';

/** The text and scope of a search: tickets of one date that are not canceled, whatever their orders' status. */
export type TicketSearch = {
  /** `organizer/slug`. */
  readonly event: string;
  /** null: tickets without a date. */
  readonly date: number | null;
  /** null: tickets of all items. */
  readonly items: readonly number[] | null;
  /** The check-in list that `entered` is about. */
  readonly list: number;
  /** Without NUL. */
  readonly text: string;
  /** Also search order codes and parts of names, not only prefixes of secrets. */
  readonly byNames: boolean;
  readonly limit: number;
};

/** A ticket in a search result; `entered`: whether it has a check-in on the search's list. */
export type TicketFound = Pick<Ticket, 'item' | 'variation' | 'status' | 'facts'> & { readonly entered: boolean };

/**
 * The first matching tickets by position, ignoring case (contract §3.4). E-mail addresses are not searched. Rejects with
 * StoreUnavailable while the database cannot be reached.
 */
export async function searchTickets(pool: Pool, search: TicketSearch): Promise<TicketFound[]> {
  const { event, date, items, list, limit } = search;
  const folded = foldCase(search.text);
  const values: unknown[] = [event, date ?? 0, items, limit, list];
  const $ = (value: unknown) => add(values, value);
  const matches = [beginsWith('secret_key', folded, $)];
  if (search.byNames) {
    const anywhere = $(`%${escapeLike(folded)}%`);
    // `search` contains the names, too, and has an index that finds substrings.
    matches.push(beginsWith('code_key', folded, $), `(search like ${anywhere} and search_names like ${anywhere})`);
  }
  const { rows } = await available(
    pool.query<TicketFound>(
      `select t.item, nullif(t.variation, 0) as variation, t.status, t.facts, c.ticket is not null as entered
       from (
         select id from tickets
         where event = $1 and date = $2 and not canceled and ($3::integer[] is null or item = any($3))
           and (${matches.join(' or ')})
         order by positionid, id limit $4
       ) page
       join tickets t on t.id = page.id
       left join checkins c on c.list = $5 and c.ticket = t.id
       order by t.positionid, t.id`,
      values,
    ),
  );
  return rows;
}
