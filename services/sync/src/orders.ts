import { Recent } from '@gatehouse/eventing/recent';
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
import { askedPage, findPage, textPageReply } from '@gatehouse/service/pages';
import type { Reply } from '@gatehouse/service/reply';
import { readSelection, select } from '@gatehouse/service/selection';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import type { AnsweredQuestion } from '@gatehouse/shop/answers';
import type { Festival } from '@gatehouse/shop/festival';
import { ORDER_FIELDS, type OrderKey, type OrderPage } from '@gatehouse/sync/orders/find';
import type { ShopObject } from '@gatehouse/sync/objects/objects';
import type { SyncContext } from '@gatehouse/sync/sync';
import { orderResource, type OrderView } from './order-resource';

const ACCESS = { safe: 'can_view_orders', unsafe: 'can_change_orders' } as const;

/** Texts of orders that are kept, of two kilobytes and more each: scanners ask for the same ones, one after another. */
const TEXTS = 15_000;
/** A longer one is made anew each time. */
const LONGEST = 16 * 1024;

/** Orders with their positions, which a scanner copies to work without a network. */
export function orderRoutes(context: SyncContext): Route[] {
  // By order, state and what is wanted of it.
  const texts = new Recent<string>(TEXTS);
  return [
    route(`${EVENT_PATH}orders/`, {
      name: 'order-list',
      access: ACCESS,
      GET: (request) => list(request, context, texts),
    }),
    route(`${EVENT_PATH}orders/:code/`, {
      name: 'order-detail',
      access: ACCESS,
      GET: (request) => show(request, context),
    }),
  ];
}

/**
 * A page of orders. `X-Page-Generated` is for `modified_since` of the next synchronisation: all changes that this reply does not
 * show, and only those, are later.
 */
async function list(request: ApiRequest, context: SyncContext, texts: Recent<string>): Promise<Reply> {
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
  const shown = await textsOf(request, context, { rows, deletedLists: found!.deletedLists, texts });
  return { ...textPageReply(request, page, shown), headers: { 'X-Page-Generated': justAfter(found!.seen) } };
}

/** The orders as the request wants them. Those that nobody has asked for in this state are read. */
async function textsOf(
  request: ApiRequest,
  context: SyncContext,
  { rows, deletedLists, texts }: Pick<OrderPage, 'rows' | 'deletedLists'> & { texts: Recent<string> },
): Promise<string[]> {
  const { query } = request;
  const view = viewOf(request, context, deletedLists);
  const wanted = readSelection(query);
  const variant = JSON.stringify([
    ...[query.fields.getAll('include'), query.fields.getAll('exclude'), view.withCanceled, [...deletedLists]],
    // Answers of the gates name their questions.
    context.objects.list(festivalOf(request, context).key, 'question').stamp,
    // What is printed names products, and the minute of printing.
    ...(view.printed ? [editionOf(view.printed.festival), Math.floor(Date.now() / 60_000)] : []),
  ]);
  const nameOf = ({ stream, modified }: OrderKey) => `${stream} ${modified} ${variant}`;
  const known = rows.map((row) => texts.get(nameOf(row)));
  const orders = await context.orders.orders(rows.filter((_, i) => known[i] === undefined).map(({ stream }) => stream));
  return rows.flatMap((row, i) => {
    const before = known[i];
    if (before !== undefined) return [before];
    const order = orders.get(row.stream);
    if (!order) return [];
    const text = JSON.stringify(select(orderResource(order, view), wanted));
    if (text.length <= LONGEST) texts.set(nameOf(row), text);
    return [text];
  });
}

/** Another number for each state of an event and its products. */
function editionOf(festival: Festival): number {
  let edition = editions.get(festival);
  if (edition === undefined) editions.set(festival, (edition = ++newest));
  return edition;
}

const editions = new WeakMap<Festival, number>();
let newest = 0;

async function show(request: ApiRequest, context: SyncContext): Promise<Reply> {
  const festival = festivalOf(request, context);
  const asked = { code: request.param('code'), sort: [], offset: 0, limit: 1 };
  const { rows, deletedLists } = await context.orders.page(festival.key, asked);
  const [order] = (await context.orders.orders(rows.map(({ stream }) => stream))).values();
  if (!order) throw notFound();
  const resource = orderResource(order, viewOf(request, context, deletedLists));
  return { status: 200, body: select(resource, readSelection(request.query)) };
}

function viewOf(request: ApiRequest, context: SyncContext, deletedLists: ReadonlySet<number>): OrderView {
  const { query } = request;
  const festival = festivalOf(request, context);
  const isPrinted = query.get('pdf_data') === 'true';
  return {
    deletedLists,
    questionOf: questionsOf(context, festival.key),
    withCanceled: query.get('include_canceled_positions') === 'true',
    ...(isPrinted ? { printed: { festival, organizer: context.catalog.organizer(festival.fact.organizer) } } : {}),
  };
}

function questionsOf(context: SyncContext, event: string): OrderView['questionOf'] {
  let byId: Map<unknown, ShopObject> | undefined;
  return (id) => {
    byId ??= new Map(context.objects.list(event, 'question').objects.map((question) => [question['id'], question]));
    const question = byId.get(id);
    if (!question) return undefined;
    // Their shape was checked when they were imported; what a shop has sent as null has a default there.
    const { identifier, options } = question as { [Key in keyof AnsweredQuestion]: AnsweredQuestion[Key] | null };
    return { identifier: identifier ?? '', options: options ?? [] };
  };
}

/** The microsecond after an instant with six decimals; without one, before everything. */
function justAfter(seen: string | null): string {
  if (seen === null) return '1970-01-01T00:00:00.000000Z';
  const micros = Number(seen.slice(20, 26)) + 1;
  if (micros < 1_000_000) return `${seen.slice(0, 20)}${String(micros).padStart(6, '0')}Z`;
  return `${new Date(Date.parse(`${seen.slice(0, 19)}Z`) + 1_000).toISOString().slice(0, 20)}000000Z`;
}
