import type { Admission } from '@gatehouse/admission/admission';
import { findListsById, type ListRow } from '@gatehouse/admission/lists';
import { lookForTickets } from '@gatehouse/admission/scan-lookup';
import type { TicketFinder } from '@gatehouse/admission/tickets/find';
import { allDatesOf, type TicketQuery } from '@gatehouse/admission/tickets/query';
import type { Ticket } from '@gatehouse/admission/tickets/lookup';
import { covers, type Principal } from '@gatehouse/service/auth';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { ApiError, permissionDenied } from '@gatehouse/service/errors';
import { idIn } from '@gatehouse/service/path';
import { askedPage, pageOf, textPageReply } from '@gatehouse/service/pages';
import type { Reply } from '@gatehouse/service/reply';
import type { Festival } from '@gatehouse/shop/festival';
import { positionText } from './position';
import { orderingIn, readTicketFilter } from './positions';
import { ofDifferentEvents } from './rpc-fields';
import { expandIn } from './rpc-redeem';

/** Fewer letters would let somebody who may only scan read all tickets (contract §10, 3.17). */
const FEWEST_LETTERS = 3;

/** GET …/checkinrpc/search/: the positions of several lists (contract §10, 4.12). */
export async function search(request: ApiRequest, admission: Admission, finder: TicketFinder): Promise<Reply> {
  const { principal, query } = request;
  await admission.caughtUp(['lists', 'tickets']);
  const lists = ofDifferentEvents(await listsAsked(request, admission));
  const places = lists.map((list) => ({ list, festival: festivalOf(list, admission) }));
  const where = await readTicketFilter(query, admission.catalog, finder);
  const ordering = orderingIn(query);
  const queries = places.map(({ list, festival }): TicketQuery => ({
    list,
    allDates: allDatesOf(list, festival.fact.has_subevents),
    ignoreStatus: query.get('ignore_status')?.toLowerCase() === 'true',
    where,
    ordering,
  }));
  const asked = askedPage(query);
  const mayRead = lists.every((list) => may(principal, list, 'can_view_orders'));
  if (!mayRead && [...(query.get('search') ?? '')].length < FEWEST_LETTERS) {
    return textPageReply(request, pageOf(asked, 0), []);
  }
  const selects = Object.keys(where).length > 0;
  const counts = await lookForTickets(
    admission,
    () => Promise.all(queries.map((each) => finder.count(each))),
    (found) => selects && found.every((count) => count === 0),
  );
  const page = pageOf(
    asked,
    counts.reduce((total, count) => total + count, 0),
  );
  const tickets = await finder.pageOfAll(queries, { offset: page.offset, limit: page.size });
  const pdfData = mayRead && query.get('pdf_data')?.toLowerCase() === 'true';
  const newer = { expand: expandIn(query) };
  const byEvent = new Map(places.map((place) => [place.festival.key, place]));
  const shown = (ticket: Ticket) => {
    const { list, festival } = byEvent.get(ticket.event)!;
    return positionText(ticket, ticket.history.state, {
      ...{ festival, catalog: admission.catalog, list: list.id, baseUrl: () => request.baseUrl },
      ...{ pdfData, reader: principal, newer },
    });
  };
  return textPageReply(request, page, tickets.map(shown));
}

/** The lists of the query; what is no number is ignored. Throws 403, as pretix, if one is unknown or of an event that may not be seen. */
async function listsAsked({ query, principal }: ApiRequest, { pool }: Admission): Promise<ListRow[]> {
  const sent = query.text === '' ? [] : query.fields.getAll('list').filter((text) => /^\d+$/.test(text));
  const ids = sent.map((text) => idIn(text.replace(/^0+(?=.)/, '')));
  const known = await findListsById(pool, [...new Set(ids.filter((id) => id !== null))]);
  const seen = new Map(known.filter((list) => may(principal, list, MAY_SEARCH)).map((list) => [list.id, list]));
  const missing = sent.filter((_, i) => ids[i] === null || !seen.has(ids[i]!));
  if (missing.length > 0) {
    const detail = 'You requested lists that do not exist or that you do not have access to: ';
    throw new ApiError(403, { detail: detail + [...new Set(missing)].join(', ') });
  }
  return ids.map((id) => seen.get(id!)!);
}

const MAY_SEARCH = ['can_view_orders', 'can_checkin_orders'] as const;

const may = (principal: Principal, { fields }: ListRow, need: Parameters<typeof covers>[1]): boolean =>
  covers(principal, need, { organizer: fields.organizer, event: fields.event });

/** The list's event; it was there a moment ago. */
function festivalOf({ fields }: ListRow, { catalog }: Admission): Festival {
  const festival = catalog.festival(fields.organizer, fields.event);
  if (!festival) throw permissionDenied();
  return festival;
}
