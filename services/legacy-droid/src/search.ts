import type { Admission } from '@gatehouse/admission/admission';
import { beginsWith, escapeLike } from '@gatehouse/admission/tickets/find';
import type { Ticket } from '@gatehouse/admission/tickets/lookup';
import { foldCase } from '@gatehouse/domain/fold';
import { available } from '@gatehouse/eventing/postgres';
import type { Reply } from '@gatehouse/service/reply';
import { shownItems, type Door } from './access';
import { shownOf, ticketText, ticketWriter } from './tickets';

const SHORTEST_QUERY = 4;
const MOST_RESULTS = 25;

/** GET search/: contract §3.4. */
export async function search(
  admission: Admission,
  door: Door,
  ask: { query: string; language: string },
): Promise<Reply> {
  const { list, festival } = door;
  const writer = ticketWriter(festival, ask.language);
  const found = (await findTickets(admission, door, ask.query)).map((ticket) =>
    ticketText(writer(shownOf(ticket), list.fields), ticket.entered),
  );
  return { status: 200, raw: `{"version": 3, "results": [${found.join(', ')}]}` };
}

type Row = Pick<Ticket, 'item' | 'variation' | 'status' | 'facts'> & { readonly entered: boolean };

/** Tickets of the list's own date, whatever their orders' status; e-mail addresses are not looked into. */
async function findTickets(admission: Admission, door: Door, query: string): Promise<Row[]> {
  if ([...query].length < SHORTEST_QUERY || query.includes('\u0000')) return [];
  const { list, festival, key } = door;
  await admission.caughtUp(['tickets']);
  const folded = foldCase(query);
  const values: unknown[] = [festival.key, list.fields.subevent ?? 0, shownItems(door), MOST_RESULTS, list.id];
  const $ = (value: unknown) => `$${values.push(value)}`;
  const matches = [beginsWith('secret_key', folded, $)];
  if (key.allow_search) {
    const anywhere = $(`%${escapeLike(folded)}%`);
    // `search` holds the names, too, and has the index that finds parts of them.
    matches.push(beginsWith('code_key', folded, $), `(search like ${anywhere} and search_names like ${anywhere})`);
  }
  const { rows } = await available(
    admission.pool.query<Row>(
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
