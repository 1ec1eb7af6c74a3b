import type { Admission } from '@gatehouse/admission/admission';
import type { Catalog } from '@gatehouse/shop/catalog';
import type { TicketFinder } from '@gatehouse/admission/tickets/find';
import { allDatesOf, type TicketFilter, type TicketOrder, type TicketQuery } from '@gatehouse/admission/tickets/query';
import type { ListRow } from '@gatehouse/admission/lists';
import type { Ticket } from '@gatehouse/admission/tickets/lookup';
import { lookForTickets } from '@gatehouse/admission/scan-lookup';
import { otherReadings } from '@gatehouse/admission/scanned-code';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { notFound } from '@gatehouse/service/errors';
import {
  booleanFilter,
  choiceFilter,
  idFilter,
  idsFilter,
  readFilters,
  readOrdering,
  textFilter,
  wordsFilter,
} from '@gatehouse/service/filters';
import { route, type Route } from '@gatehouse/service/http';
import { askedPage, pageOf, textPageReply } from '@gatehouse/service/pages';
import type { Query } from '@gatehouse/service/query';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import { listOf, ticketNamed, type TicketName } from './ticket-request';
import { positionText } from './position';

const ORDERINGS = [
  'order__code',
  'order__datetime',
  'positionid',
  'attendee_name',
  'last_checked_in',
  'order__email',
] as const;

/** Positions of a check-in list: contract §5. */
export function positionRoutes(admission: Admission, finder: TicketFinder): Route[] {
  const access = { safe: 'can_view_orders', unsafe: 'can_change_orders' } as const;
  const shown = (request: ApiRequest, list: ListRow, ticket: Ticket) =>
    positionText(ticket, ticket.history.state, {
      festival: festivalOf(request, admission),
      catalog: admission.catalog,
      list: list.id,
      baseUrl: () => request.baseUrl,
      pdfData: request.query.get('pdf_data') === 'true',
      reader: request.principal,
    });
  const ask = async (request: ApiRequest) => {
    await admission.caughtUp(['lists', 'tickets']);
    const festival = festivalOf(request, admission);
    const list = await listOf(request, admission, festival);
    return {
      list,
      allDates: allDatesOf(list, festival.fact.has_subevents),
      ignoreStatus: request.query.get('ignore_status') === 'true',
      where: await readTicketFilter(request.query, admission.catalog, finder),
      ordering: orderingIn(request.query),
    };
  };
  return [
    route(`${EVENT_PATH}checkinlists/:list/positions/`, {
      name: 'checkinlistpos-list',
      access,
      async GET(request) {
        const query = await ask(request);
        const asked = askedPage(request.query);
        const selects = Object.keys(query.where).length > 0;
        const count = await lookForTickets(
          admission,
          () => finder.count(query),
          (found) => selects && found === 0,
        );
        const page = pageOf(asked, count);
        const tickets = await finder.page(query, { offset: page.offset, limit: page.size });
        return textPageReply(
          request,
          page,
          tickets.map((ticket) => shown(request, query.list, ticket)),
        );
      },
    }),
    route(`${EVENT_PATH}checkinlists/:list/positions/:position+/`, {
      name: 'checkinlistpos-detail',
      access,
      async GET(request) {
        const query = await ask(request);
        const name = ticketNamed(request.param('position'), request.sent('position'), request.query);
        const ticket = await lookForTickets(
          admission,
          () => findTicket(finder, query, name),
          (found) => !found,
        );
        if (!ticket) throw notFound();
        return { status: 200, raw: shown(request, query.list, ticket) };
      },
    }),
  ];
}

/** The ordering that a query names. */
export const orderingIn = (query: Query): TicketOrder[] =>
  readOrdering(query, ORDERINGS).map(({ field, descending }) => ({ by: field, descending }));

/** The ticket with this id or secret in the path, the id first (contract §5.3), or with another reading of the code. */
export async function findTicket(
  finder: TicketFinder,
  query: TicketQuery,
  name: TicketName,
): Promise<Ticket | undefined> {
  const ticket = await finder.named(query, { id: name.id, secret: name.text });
  if (ticket) return ticket;
  for (const secret of otherReadings(name)) {
    const other = await finder.named(query, { id: null, secret });
    if (other) return other;
  }
  return undefined;
}

/** The filters of contract §5.2. Throws 400 with the errors of all of them. */
export async function readTicketFilter(query: Query, catalog: Catalog, finder: TicketFinder): Promise<TicketFilter> {
  if (query.text === '') return {};
  const items = (ids: readonly number[]) => new Set(ids.filter((id) => catalog.exists('item', id)));
  const variations = (ids: readonly number[]) => new Set(ids.filter((id) => catalog.exists('variation', id)));
  const dates = (ids: readonly number[]) => new Set(ids.filter((id) => catalog.exists('date', id)));
  const vouchers = (ids: readonly number[]) => new Set(ids.filter((id) => catalog.exists('voucher', id)));
  const sent = await readFilters(query, {
    order: textFilter,
    search: textFilter,
    item: idFilter(items),
    item__in: idsFilter(items),
    variation: idFilter(variations),
    variation__in: idsFilter(variations),
    subevent: idFilter(dates),
    subevent__in: idsFilter(dates),
    addon_to: idFilter(finder.existing),
    addon_to__in: idsFilter(finder.existing),
    voucher: idFilter(vouchers),
    voucher__in: idsFilter(vouchers),
    attendee_name: textFilter,
    secret: textFilter,
    pseudonymization_id: textFilter,
    voucher__code: textFilter,
    order__status: choiceFilter('n', 'p', 'e', 'c'),
    order__status__in: wordsFilter,
    has_checkin: booleanFilter,
  });
  return defined({
    order: sent.order,
    search: sent.search,
    items: common(one(sent.item), sent.item__in),
    variations: common(one(sent.variation), sent.variation__in),
    dates: common(one(sent.subevent), sent.subevent__in),
    addonTo: common(one(sent.addon_to), sent.addon_to__in),
    vouchers: common(
      common(one(sent.voucher), sent.voucher__in),
      sent.voucher__code === undefined ? undefined : catalog.voucherIds(sent.voucher__code),
    ),
    attendeeName: sent.attendee_name,
    secret: sent.secret,
    pseudonymizationId: sent.pseudonymization_id,
    statuses: common(one(sent.order__status), sent.order__status__in),
    hasCheckin: sent.has_checkin,
  });
}

const one = <T>(value: T | undefined): readonly T[] | undefined => (value === undefined ? undefined : [value]);

/** The intersection of two conditions; undefined: no condition. */
function common<T>(a: readonly T[] | undefined, b: readonly T[] | undefined): readonly T[] | undefined {
  if (!a || !b) return a ?? b;
  const others = new Set(b);
  return a.filter((value) => others.has(value));
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

const defined = <T extends object>(values: T): Defined<T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Defined<T>;
