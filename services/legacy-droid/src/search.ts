import type { Admission } from '@gatehouse/admission/admission';
import { lookForTickets } from '@gatehouse/admission/scan-lookup';
import { searchTickets, type TicketFound } from '@gatehouse/admission/tickets/search';
import type { Reply } from '@gatehouse/service/reply';
import { shownItems, type DroidAccess } from './access';
import { shownOf, ticketText, ticketWriter } from './tickets';

const SHORTEST_QUERY = 4;
const MOST_RESULTS = 25;

/** GET search/: contract §3.4. */
export async function search(
  admission: Admission,
  access: DroidAccess,
  ask: { query: string; language: string },
): Promise<Reply> {
  const { list, festival } = access;
  const writer = ticketWriter(festival, ask.language);
  const found = (await findTickets(admission, access, ask.query)).map((ticket) =>
    ticketText(writer(shownOf(ticket), list.fields), ticket.entered),
  );
  return { status: 200, raw: `{"version": 3, "results": [${found.join(', ')}]}` };
}

/** Empty for a text that is too short or has a NUL, which PostgreSQL cannot store. */
async function findTickets(admission: Admission, access: DroidAccess, query: string): Promise<TicketFound[]> {
  if ([...query].length < SHORTEST_QUERY || query.includes('\u0000')) return [];
  const { list, festival, key } = access;
  await admission.caughtUp(['tickets']);
  const wanted = {
    event: festival.key,
    date: list.fields.subevent,
    items: shownItems(access),
    list: list.id,
    text: query,
    byNames: key.allow_search,
    limit: MOST_RESULTS,
  };
  return lookForTickets(
    admission,
    () => searchTickets(admission.pool, wanted),
    (found) => found.length === 0,
  );
}
