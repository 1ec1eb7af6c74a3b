import { earlier, parseInstant } from '@gatehouse/domain/instant';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { unlessSeen } from '@gatehouse/service/conditional';
import { notFound } from '@gatehouse/service/errors';
import { booleanFilter, momentFilter, readFilters, readOrdering, type Ordering } from '@gatehouse/service/filters';
import { route, type Route } from '@gatehouse/service/http';
import { askedPage, pageOf, pageReply } from '@gatehouse/service/pages';
import { idIn } from '@gatehouse/service/path';
import type { Reply } from '@gatehouse/service/reply';
import { readSelection, select } from '@gatehouse/service/selection';
import { EVENT_PATH } from '@gatehouse/shop/event-request';
import type { ShopObject } from '@gatehouse/sync/objects/objects';
import type { ObjectKind } from '@gatehouse/sync/objects/read-model';
import type { SyncContext } from '@gatehouse/sync/sync';
import { sorted } from './sorted';

/** A list of an event's small objects, as pretix serves it. */
type List = {
  readonly path: string;
  /** What pretix calls its routes, before `-list` and `-detail`. */
  readonly name: string;
  readonly kind: ObjectKind;
  /** What it may be ordered by; the default, and the last word between equals, is `order`. */
  readonly fields: readonly string[];
  readonly order: readonly Ordering<string>[];
  /** Fields that are true or false and that may be asked for. */
  readonly flags: readonly string[];
  /** A parameter for those that are at least as new, and the field that it is about. */
  readonly since?: readonly [parameter: string, field: string];
  readonly access: Exclude<Route['access'], 'anyone'>;
};

const ascending = (...fields: string[]) => fields.map((field) => ({ field, descending: false }));
const newestFirst = (field: string) => [field, 'id'].map((each) => ({ field: each, descending: true }));
const ANY = { safe: 'any', unsafe: 'any' } as const;
/** Whoever knows a secret may enter. */
const ORDERS = { safe: 'can_view_orders', unsafe: 'can_change_orders' } as const;

const LISTS: readonly List[] = [
  {
    path: 'subevents/',
    name: 'subevent',
    kind: 'date',
    fields: ['id', 'date_from', 'last_modified'],
    order: ascending('date_from', 'id'),
    flags: ['active', 'is_public'],
    since: ['modified_since', 'last_modified'],
    access: ANY,
  },
  { path: 'categories/', name: 'itemcategory', kind: 'category', fields: ['id', 'position'], order: ascending('position', 'id'), flags: ['is_addon'], access: ANY },
  { path: 'items/', name: 'item', kind: 'item', fields: ['id', 'position'], order: ascending('position', 'id'), flags: ['active', 'admission', 'free_price'], access: ANY },
  { path: 'questions/', name: 'question', kind: 'question', fields: ['id', 'position'], order: ascending('position', 'id'), flags: ['ask_during_checkin', 'required'], access: ANY },
  { path: 'badgelayouts/', name: 'badgelayout', kind: 'badgelayout', fields: ['id', 'name'], order: ascending('id'), flags: ['default'], access: ANY },
  { path: 'badgeitems/', name: 'badgeitem', kind: 'badgeitem', fields: ['id'], order: ascending('id'), flags: [], access: ANY },
  { path: 'revokedsecrets/', name: 'revokedsecrets', kind: 'revokedsecret', fields: ['id', 'created', 'secret'], order: newestFirst('created'), flags: [], since: ['created_since', 'created'], access: ORDERS },
  { path: 'blockedsecrets/', name: 'blockedsecrets', kind: 'blockedsecret', fields: ['id', 'updated', 'secret'], order: newestFirst('updated'), flags: ['blocked'], since: ['updated_since', 'updated'], access: ORDERS },
]; // prettier-ignore

/** The lists of an event's small objects, each with its details. */
export const objectRoutes = (context: SyncContext): Route[] =>
  LISTS.flatMap((list) => [
    route(`${EVENT_PATH}${list.path}`, {
      name: `${list.name}-list`,
      access: list.access,
      GET: (request) => page(request, list, context),
    }),
    route(`${EVENT_PATH}${list.path}:id/`, {
      name: `${list.name}-detail`,
      access: list.access,
      GET: (request) => show(request, list, context),
    }),
  ]);

/** `organizer/slug` of the request's event, which exists. */
const scopeOf = (request: ApiRequest): string => `${request.param('organizer')}/${request.param('event')}`;

async function page(request: ApiRequest, list: List, { objects }: SyncContext): Promise<Reply> {
  const all = objects.list(scopeOf(request), list.kind);
  const isWanted = await wantedBy(request, list);
  const asked = askedPage(request.query);
  return unlessSeen(request, all.stamp, () => {
    const orderings = [...readOrdering(request.query, list.fields), ...list.order];
    return pageOfObjects(request, asked, sorted(all.objects.filter(isWanted), orderings));
  });
}

/** 200 with the asked page of objects that are in their order. */
export function pageOfObjects(
  request: ApiRequest,
  asked: ReturnType<typeof askedPage>,
  objects: readonly ShopObject[],
): Reply {
  const shown = pageOf(asked, objects.length);
  const selection = readSelection(request.query);
  const results = objects.slice(shown.offset, shown.offset + shown.size).map((object) => select(object, selection));
  return pageReply(request, shown, results);
}

/** The filter of a request. Throws the 400 of a parameter that is none. */
async function wantedBy({ query }: ApiRequest, { flags, since }: List): Promise<(object: ShopObject) => boolean> {
  const values = await readFilters(query, Object.fromEntries(flags.map((flag) => [flag, booleanFilter])));
  const flagged = Object.entries(values).filter(([, value]) => value !== undefined);
  const [parameter = '', field = ''] = since ?? [];
  const { [parameter]: from } = await readFilters(query, since ? { [parameter]: momentFilter } : {});
  return (object) =>
    flagged.every(([flag, value]) => object[flag] === value) && (from === undefined || !isEarlier(object[field], from));
}

/** Of an object that does not say when it changed nobody knows. */
function isEarlier(value: unknown, from: string): boolean {
  const instant = typeof value === 'string' ? parseInstant(value) : undefined;
  return instant !== undefined && earlier(instant, from);
}

function show(request: ApiRequest, { kind }: List, { objects }: SyncContext): Reply {
  const id = idIn(request.param('id'));
  const found = objects.list(scopeOf(request), kind).objects.find((object) => object['id'] === id);
  if (id === null || !found) throw notFound();
  return { status: 200, body: select(found, readSelection(request.query)) };
}
