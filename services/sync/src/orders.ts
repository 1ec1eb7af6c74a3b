import type { ApiRequest } from '@gatehouse/service/api-request';
import { notFound } from '@gatehouse/service/errors';
import {
  booleanFilter,
  choiceFilter,
  momentFilter,
  readFilters,
  readOrdering,
  textFilter,
  wordsFilter,
} from '@gatehouse/service/filters';
import { route, type Route } from '@gatehouse/service/http';
import { askedPage, findPage, pageReply } from '@gatehouse/service/pages';
import type { Reply } from '@gatehouse/service/reply';
import { readSelection, select } from '@gatehouse/service/selection';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import { ORDER_FIELDS, type OrderPage } from '@gatehouse/sync/orders/find';
import type { SyncContext } from '@gatehouse/sync/sync';
import { orderResource, type OrderView } from './order-resource';

const ACCESS = { safe: 'can_view_orders', unsafe: 'can_change_orders' } as const;

/** Orders with their positions, which a scanner copies to work without a network. */
export const orderRoutes = (context: SyncContext): Route[] => [
  route(`${EVENT_PATH}orders/`, { access: ACCESS, GET: (request) => list(request, context) }),
  route(`${EVENT_PATH}orders/:code/`, { access: ACCESS, GET: (request) => show(request, context) }),
];

/**
 * A page of orders. `X-Page-Generated` is for `modified_since` of the next synchronisation: all changes that this reply does not
 * show, and only those, are later.
 */
async function list(request: ApiRequest, context: SyncContext): Promise<Reply> {
  const { query } = request;
  const festival = festivalOf(request, context);
  const { modified_since, created_since, created_before, status__in, ...same } = await readFilters(query, {
    ...{ code: textFilter, email: textFilter, testmode: booleanFilter },
    ...{ status: choiceFilter('n', 'p', 'e', 'c'), status__in: wordsFilter },
    ...{ modified_since: momentFilter, created_since: momentFilter, created_before: momentFilter },
  });
  const selection = {
    ...same,
    statuses: status__in,
    modifiedSince: modified_since,
    createdSince: created_since,
    createdBefore: created_before,
    sort: readOrdering(query, ORDER_FIELDS),
  };
  let found: OrderPage | undefined;
  const { page, rows } = await findPage(askedPage(query), async (offset, limit) => {
    return (found = await context.orders.page(festival.key, { ...selection, offset, limit }));
  });
  const view = viewOf(request, context, found!);
  const wanted = readSelection(query);
  const reply = pageReply(
    request,
    page,
    rows.map((row) => select(orderResource(row, view), wanted)),
  );
  return { ...reply, headers: { 'X-Page-Generated': justAfter(found!.seen) } };
}

async function show(request: ApiRequest, context: SyncContext): Promise<Reply> {
  const festival = festivalOf(request, context);
  const asked = { code: request.param('code'), sort: [], offset: 0, limit: 1 };
  const found = await context.orders.page(festival.key, asked);
  const [order] = found.rows;
  if (!order) throw notFound();
  const body = select(orderResource(order, viewOf(request, context, found)), readSelection(request.query));
  return { status: 200, body };
}

function viewOf(request: ApiRequest, context: SyncContext, { deletedLists }: OrderPage): OrderView {
  const { query } = request;
  const festival = festivalOf(request, context);
  const isPrinted = query.get('pdf_data') === 'true';
  return {
    deletedLists,
    withCanceled: query.get('include_canceled_positions') === 'true',
    ...(isPrinted ? { printed: { festival, organizer: context.catalog.organizer(festival.fact.organizer) } } : {}),
  };
}

/** The microsecond after an instant with six decimals; without one, before everything. */
function justAfter(seen: string | null): string {
  if (seen === null) return '1970-01-01T00:00:00.000000Z';
  const micros = Number(seen.slice(20, 26)) + 1;
  if (micros < 1_000_000) return `${seen.slice(0, 20)}${String(micros).padStart(6, '0')}Z`;
  return `${new Date(Date.parse(`${seen.slice(0, 19)}Z`) + 1_000).toISOString().slice(0, 20)}000000Z`;
}
