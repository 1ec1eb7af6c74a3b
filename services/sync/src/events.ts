import { earlier, instantOf, parseInstant, type Instant } from '@gatehouse/domain/instant';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { unlessSeen } from '@gatehouse/service/conditional';
import { permissionDenied } from '@gatehouse/service/errors';
import { booleanFilter, momentFilter, readFilters, readOrdering } from '@gatehouse/service/filters';
import { route, type Route } from '@gatehouse/service/http';
import { askedPage, pageOf, pageReply } from '@gatehouse/service/pages';
import type { Reply } from '@gatehouse/service/reply';
import { readSelection, select } from '@gatehouse/service/selection';
import { EVENT_PATH } from '@gatehouse/shop/event-request';
import type { ShopObject } from '@gatehouse/sync/objects/objects';
import type { SyncContext } from '@gatehouse/sync/sync';
import { pageOfObjects } from './objects';
import { sorted } from './sorted';

const ANY = { safe: 'any', unsafe: 'any' } as const;
const ORGANIZER_PATH = 'organizers/:organizer/';

/** Events and what an organizer has of several: a device shows them for somebody to choose. */
export const eventRoutes = (context: SyncContext): Route[] => [
  route(`${ORGANIZER_PATH}events/`, { name: 'event-list', access: ANY, GET: (request) => events(request, context) }),
  route(`${ORGANIZER_PATH}subevents/`, {
    name: 'subevent-list',
    access: ANY,
    GET: (request) => dates(request, context),
  }),
  // Nobody has told of media: bands and cards that are used again and again.
  route(`${ORGANIZER_PATH}reusablemedia/`, { name: 'reusablemedium-list', access: ANY, GET: nothing }),
  route(EVENT_PATH, { name: 'event-detail', access: ANY, GET: (request) => only(request, 'event', context) }),
  route(`${EVENT_PATH}settings/`, {
    name: 'event.settings',
    access: ANY,
    GET: (request) => only(request, 'settings', context),
  }),
];

/** The events of the organizer that the caller is there for. */
function scopesOf(request: ApiRequest, { objects }: SyncContext): readonly string[] {
  const { principal } = request;
  const organizer = request.param('organizer');
  return objects
    .events(organizer)
    .filter((scope) => principal.allEvents || principal.events.has(scope.slice(organizer.length + 1)));
}

async function events(request: ApiRequest, context: SyncContext): Promise<Reply> {
  const { ends_after, is_past, is_future, ...flags } = await readFilters(request.query, {
    ...{ live: booleanFilter, is_public: booleanFilter, has_subevents: booleanFilter, testmode: booleanFilter },
    ...{ ends_after: momentFilter, is_past: booleanFilter, is_future: booleanFilter },
  });
  const now = instantOf(Date.now());
  const found = scopesOf(request, context).flatMap((scope) => context.objects.list(scope, 'event').objects);
  // A series has no end of its own: its dates are listed themselves.
  const isSingle = (event: ShopObject) => event['has_subevents'] !== true;
  const wanted = found.filter(
    (event) =>
      hasFlags(event, flags) &&
      (ends_after === undefined || (isSingle(event) && !endsBefore(event, ends_after))) &&
      (is_past === undefined || (isSingle(event) && endsBefore(event, now)) === is_past) &&
      (is_future === undefined || (isSingle(event) && !endsBefore(event, now)) === is_future),
  );
  const orderings = [...readOrdering(request.query, ['date_from', 'slug']), { field: 'slug', descending: false }];
  return pageOfObjects(request, askedPage(request.query), sorted(wanted, orderings));
}

/** The dates of all series. */
async function dates(request: ApiRequest, context: SyncContext): Promise<Reply> {
  const { ends_after, event__live, is_past, is_future, ...flags } = await readFilters(request.query, {
    ...{ active: booleanFilter, is_public: booleanFilter, event__live: booleanFilter },
    ...{ ends_after: momentFilter, is_past: booleanFilter, is_future: booleanFilter },
  });
  const now = instantOf(Date.now());
  const scopes = scopesOf(request, context).filter(
    (scope) =>
      event__live === undefined ||
      context.objects.list(scope, 'event').objects.some((event) => event['live'] === event__live),
  );
  const wanted = scopes
    .flatMap((scope) => context.objects.list(scope, 'date').objects)
    .filter(
      (date) =>
        hasFlags(date, flags) &&
        (ends_after === undefined || !endsBefore(date, ends_after)) &&
        (is_past === undefined || endsBefore(date, now) === is_past) &&
        (is_future === undefined || !endsBefore(date, now) === is_future),
    );
  const orderings = [
    ...readOrdering(request.query, ['id', 'date_from', 'last_modified']),
    ...['date_from', 'id'].map((field) => ({ field, descending: false })),
  ];
  return pageOfObjects(request, askedPage(request.query), sorted(wanted, orderings));
}

const hasFlags = (object: ShopObject, flags: Readonly<Record<string, boolean | undefined>>): boolean =>
  Object.entries(flags).every(([flag, value]) => value === undefined || object[flag] === value);

/** By its end, or else its begin; what has neither never ends. */
function endsBefore(object: ShopObject, instant: Instant): boolean {
  const end = object['date_to'] ?? object['date_from'];
  const parsed = typeof end === 'string' ? parseInstant(end) : undefined;
  return parsed !== undefined && earlier(parsed, instant);
}

function nothing(request: ApiRequest): Reply {
  return pageReply(request, pageOf(askedPage(request.query), 0), []);
}

/** The one object of a kind that an event has. */
function only(request: ApiRequest, kind: 'event' | 'settings', { objects }: SyncContext): Reply {
  const { objects: found, stamp } = objects.list(`${request.param('organizer')}/${request.param('event')}`, kind);
  const [object] = found;
  // It exists in the catalogue, which may be a moment ahead.
  if (!object) throw permissionDenied();
  return unlessSeen(request, stamp, () => ({ status: 200, body: select(object, readSelection(request.query)) }));
}
