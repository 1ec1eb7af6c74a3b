import { createHash } from 'node:crypto';
import type { Admission } from '@gatehouse/admission/admission';
import type { Festival } from '@gatehouse/shop/festival';
import { enteredOn, readTallies, sum, ticketsOn, type Tallies } from '@gatehouse/admission/tickets/counts';
import { listsOf, nextListId, type ListRow } from '@gatehouse/admission/lists';
import { listStream } from '@gatehouse/events/admission';
import type { CheckinListFields } from '@gatehouse/events/checkin-list';
import { changeList, createList, deleteList, isNewer } from '@gatehouse/domain/checkin-list';
import { foldCase } from '@gatehouse/domain/fold';
import { sortable } from '@gatehouse/domain/instant';
import type { ApiRequest } from '@gatehouse/service/api-request';
import type { Principal } from '@gatehouse/service/auth';
import {
  boolean,
  char,
  nullable,
  pk,
  pks,
  validate,
  validatePartial,
  withDefault,
  words,
} from '@gatehouse/service/drf';
import { notFound, ValidationError } from '@gatehouse/service/errors';
import { idFilter, readFilters } from '@gatehouse/service/filters';
import { route, type Route } from '@gatehouse/service/http';
import { askedPage, pageOf, pageReply } from '@gatehouse/service/pages';
import { idIn } from '@gatehouse/service/path';
import type { Reply } from '@gatehouse/service/reply';
import { readSelection, select } from '@gatehouse/service/selection';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import { newerFields, newerShape } from './list-fields';
import { listOf } from './ticket-request';

const ACCESS = { safe: 'can_view_orders', unsafe: 'can_change_event_settings' } as const;

/** Check-in lists: contract §4. */
export function listRoutes(admission: Admission): Route[] {
  return [
    route(`${EVENT_PATH}checkinlists/`, {
      name: 'checkinlist-list',
      access: ACCESS,
      GET: (request) => listLists(request, admission),
      POST: (request) => create(request, admission),
    }),
    route(`${EVENT_PATH}checkinlists/:list/`, {
      name: 'checkinlist-detail',
      access: ACCESS,
      GET: (request) => show(request, admission),
      PUT: (request) => change(request, admission, validate),
      PATCH: (request) => change(request, admission, validatePartial),
      DELETE: (request) => remove(request, admission),
    }),
  ];
}

async function listLists(request: ApiRequest, admission: Admission): Promise<Reply> {
  const festival = festivalOf(request, admission);
  const { subevent } = await readFilters(request.query, {
    subevent: idFilter((ids) => new Set(ids.filter((id) => admission.catalog.exists('date', id)))),
  });
  const asked = askedPage(request.query);
  await admission.caughtUp(['lists', 'tickets']);
  const lists = await listsOf(admission.pool, festival.key);
  const wanted = subevent === undefined ? lists : lists.filter((list) => list.fields.subevent === subevent);
  const sorted = inListOrder(wanted, festival);
  const page = pageOf(asked, sorted.length);
  const shown = sorted.slice(page.offset, page.offset + page.size);
  const tallies = await talliesOf(shown, admission, festival);
  const selection = readSelection(request.query);
  return pageReply(
    request,
    page,
    shown.map((list) => select(resource(list, tallies, request.principal), selection)),
  );
}

/** The lists in the order of contract §4.2. */
export const inListOrder = (lists: readonly ListRow[], festival: Festival): ListRow[] =>
  lists
    .map((list) => ({ list, key: sortKey(list, festival) }))
    .sort((a, b) => Buffer.compare(a.key, b.key) || a.list.id - b.list.id)
    .map(({ list }) => list);

/**
 * Orders by the date's start, then by the folded name; lists without a date come last, as on PostgreSQL. As UTF-8 bytes,
 * which sort like code points.
 */
function sortKey({ fields }: ListRow, festival: Festival): Buffer {
  const start = fields.subevent === null ? undefined : festival.dates.get(fields.subevent)?.date_from;
  return Buffer.from(`${start === undefined ? '~' : sortable(start)} ${foldCase(fields.name)}`);
}

const talliesOf = (lists: readonly ListRow[], admission: Admission, festival: Festival): Promise<Tallies> =>
  readTallies(admission.pool, festival.key, lists);

/** The resource of contract §4.1, its keys in their order. */
function resource(list: ListRow, tallies: Tallies, reader: Principal): Record<string, unknown> {
  const { fields } = list;
  return {
    id: list.id,
    name: fields.name,
    all_products: fields.all_products,
    limit_products: fields.limit_products,
    subevent: fields.subevent,
    checkin_count: sum(enteredOn(list, tallies)),
    position_count: sum(ticketsOn(list, tallies)),
    include_pending: fields.include_pending,
    auto_checkin_sales_channels: fields.auto_checkin_sales_channels,
    ...newerFields(fields, reader),
  };
}

async function show(request: ApiRequest, admission: Admission): Promise<Reply> {
  const festival = festivalOf(request, admission);
  await admission.caughtUp(['lists', 'tickets']);
  return shown(await listOf(request, admission, festival), {
    admission,
    festival,
    reader: request.principal,
    status: 200,
  });
}

type Shown = {
  readonly admission: Admission;
  readonly festival: Festival;
  readonly reader: Principal;
  readonly status: number;
};

const shown = async (list: ListRow, { admission, festival, reader, status }: Shown): Promise<Reply> => ({
  status,
  body: resource(list, await talliesOf([list], admission, festival), reader),
});

/** The fields of contract §4.3 (and §12, rows 9 and 21, for their defaults). `stored`: the list that is changed. */
function shapeOf(admission: Admission, festival: Festival, stored?: CheckinListFields) {
  const { organizer, event } = festival.fact;
  const owned = (id: number, owner: { organizer: string; event: string } | undefined) =>
    owner?.organizer === organizer ? { id, here: owner.event === event } : undefined;
  const ownedItems = (ids: readonly number[]) => {
    const found = ids.map((id) => owned(id, admission.catalog.itemOwner(id))).filter((item) => item !== undefined);
    return new Map(found.map((item) => [item.id, item]));
  };
  return {
    name: char({ max: 190 }),
    all_products: withDefault(boolean(), true),
    limit_products: withDefault(pks(ownedItems), []),
    subevent: withDefault(nullable(pk((id) => owned(id, admission.catalog.dateOwner(id)))), null),
    include_pending: withDefault(boolean(), false),
    auto_checkin_sales_channels: withDefault(words(), []),
    ...newerShape(stored),
  };
}

type Owned = { readonly id: number; readonly here: boolean };
/** The fields of a list that a request may set. */
type Writable = Omit<CheckinListFields, 'organizer' | 'event' | 'id'>;
/** The same, with items and date resolved. */
type Sent = Omit<Writable, 'limit_products' | 'subevent' | 'auto_checkin_sales_channels'> & {
  readonly limit_products: readonly Owned[];
  readonly subevent: Owned | null;
  readonly auto_checkin_sales_channels: readonly string[];
};

/** The first violated rule about the list as a whole (contract §4.3). */
function check(sent: Sent, admission: Admission, { fact }: Festival): void {
  const refuse = (message: string) => {
    throw new ValidationError({ non_field_errors: [message] });
  };
  if (sent.limit_products.some((item) => !item.here)) refuse('One or more items do not belong to this event.');
  if (fact.has_subevents && !sent.subevent && !isNewer(sent)) refuse('Subevent cannot be null for event series.');
  if (sent.subevent && !(fact.has_subevents && sent.subevent.here)) {
    refuse('The subevent does not belong to this event.');
  }
  const channels = admission.catalog.channels(fact.organizer);
  const known = (channel: string) => channel === 'web' || channels.has(channel);
  if (!sent.auto_checkin_sales_channels.every(known)) refuse('Unknown sales channel.');
}

const fieldsOf = (sent: Sent): Writable => ({
  ...sent,
  limit_products: [...new Set(sent.limit_products.map((item) => item.id))],
  subevent: sent.subevent?.id ?? null,
  auto_checkin_sales_channels: [...sent.auto_checkin_sales_channels],
});

const command = (request: ApiRequest) => ({
  actor: request.principal.actor,
  trace: request.trace,
  ...(request.idempotency ? { request: request.idempotency.namespace } : {}),
});

async function create(request: ApiRequest, admission: Admission): Promise<Reply> {
  const festival = festivalOf(request, admission);
  const sent = await validate(await request.body(), shapeOf(admission, festival));
  check(sent, admission, festival);
  const made = await make(fieldsOf(sent), { request, admission, festival });
  await admission.caughtUp(['lists', 'tickets']);
  return shown(
    { id: made.id, revision: 1, since: 0, fields: made },
    { admission, festival, reader: request.principal, status: 201 },
  );
}

type Place = { readonly request: ApiRequest; readonly admission: Admission; readonly festival: Festival };

/** Creates a list with the next free id. A request that runs again after a crash finds the list that it created before. */
async function make(sent: Writable, { request, admission, festival }: Place): Promise<CheckinListFields> {
  const { organizer, event } = festival.fact;
  const namespace = request.idempotency?.namespace;
  for (let tries = 0; ; tries++) {
    const id = namespace === undefined ? await nextListId(admission.pool) : derivedId(`${namespace} ${tries}`);
    const fields: CheckinListFields = { organizer, event, id, ...sent };
    const { result } = await admission.lists.transact(listStream(id), createList(fields), command(request));
    if (result.created) return fields;
    if (await recalled(request, admission, id)) return fields;
  }
}

/** The result of this request when it ran before and its reply was lost in a crash. */
async function recalled(request: ApiRequest, admission: Admission, id: number | null) {
  const namespace = request.idempotency?.namespace;
  return namespace === undefined || id === null ? undefined : admission.lists.recall(listStream(id), namespace);
}

/** The same with the list's state before and after. */
async function recalledStates(request: ApiRequest, admission: Admission, id: number | null) {
  const namespace = request.idempotency?.namespace;
  return namespace === undefined || id === null ? undefined : admission.lists.recallStates(listStream(id), namespace);
}

/** An id derived from the request, so that a repeat gets the same one, in a range that the sequence does not reach. */
function derivedId(seed: string): number {
  return 1_600_000_000 + (createHash('sha256').update(seed).digest().readUInt32BE() % 500_000_000);
}

/** `read` decides whether absent fields are reset to their default (PUT; contract §12, row 9) or kept (PATCH). */
async function change(
  request: ApiRequest,
  admission: Admission,
  read: typeof validate | typeof validatePartial,
): Promise<Reply> {
  const festival = festivalOf(request, admission);
  await admission.caughtUp(['lists']);
  const recalledState = (await recalledStates(request, admission, idIn(request.param('list'))))?.after;
  if (recalledState?.state.kind === 'active') {
    const { fields } = recalledState.state;
    await admission.caughtUp(['lists', 'tickets']);
    const list = { id: fields.id, revision: recalledState.revision, since: 0, fields };
    return shown(list, { admission, festival, reader: request.principal, status: 200 });
  }
  const { id, fields } = await listOf(request, admission, festival);
  const body = await request.body();
  const shape = shapeOf(admission, festival, fields);
  const stored: Sent = {
    ...fields,
    limit_products: fields.limit_products.map((item) => ({ id: item, here: true })),
    subevent: fields.subevent === null ? null : { id: fields.subevent, here: true },
  };
  const given: Partial<Sent> = await read(body, shape);
  const sent = { ...stored, ...given };
  check(sent, admission, festival);
  const changed = fieldsOf(sent);
  const named = Object.fromEntries(Object.entries(changed).filter(([name]) => name in given));
  const { result } = await admission.lists.transact(listStream(id), changeList(named), command(request));
  if (!result.found) throw notFound();
  return show(request, admission);
}

async function remove(request: ApiRequest, admission: Admission): Promise<Reply> {
  const festival = festivalOf(request, admission);
  await admission.caughtUp(['lists']);
  if (await recalled(request, admission, idIn(request.param('list')))) return { status: 204 };
  const { id } = await listOf(request, admission, festival);
  const { result } = await admission.lists.transact(listStream(id), deleteList(), command(request));
  if (!result.found) throw notFound();
  await admission.caughtUp(['lists', 'tickets']);
  return { status: 204 };
}
