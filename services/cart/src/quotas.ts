import type { InventoryContext } from '@gatehouse/inventory/inventory';
import type { QuotaState } from '@gatehouse/inventory/availability';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { notFound } from '@gatehouse/service/errors';
import { idFilter, idsFilter, readFilters, readOrdering, type Ordering } from '@gatehouse/service/filters';
import { route, type Route } from '@gatehouse/service/http';
import { askedPage, pageOf, pageReply } from '@gatehouse/service/pages';
import { idIn } from '@gatehouse/service/path';
import type { Reply } from '@gatehouse/service/reply';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import type { Festival, Quota } from '@gatehouse/shop/festival';
import { ACCESS, whereOf } from './request';

/** Quotas, which the shop changes and we only show, and what is left of them (contract §2.7). */
export function quotaRoutes(inventory: InventoryContext): Route[] {
  return [
    route(`${EVENT_PATH}quotas/`, { name: 'quota-list', access: ACCESS, GET: (request) => list(request, inventory) }),
    route(`${EVENT_PATH}quotas/:quota/`, {
      name: 'quota-detail',
      access: ACCESS,
      GET: (request) => show(request, inventory),
    }),
    route(`${EVENT_PATH}quotas/:quota/availability/`, {
      name: 'quota-availability',
      access: ACCESS,
      GET: (request) => availability(request, inventory),
    }),
  ];
}

async function list(request: ApiRequest, inventory: InventoryContext): Promise<Reply> {
  const festival = festivalOf(request, inventory);
  const existing = (ids: readonly number[]) => new Set(ids.filter((id) => inventory.catalog.exists('date', id)));
  const { subevent, subevent__in: among } = await readFilters(request.query, {
    subevent: idFilter(existing),
    subevent__in: idsFilter(existing),
  });
  const asked = askedPage(request.query);
  const wanted = [...festival.quotas.values()].filter(
    (quota) =>
      (subevent === undefined || quota.subevent === subevent) &&
      (among === undefined || (quota.subevent !== null && among.includes(quota.subevent))),
  );
  const sorted = wanted.sort(inOrderOf(readOrdering(request.query, ['id', 'size'])));
  const page = pageOf(asked, sorted.length);
  const shown = sorted.slice(page.offset, page.offset + page.size);
  return pageReply(request, page, await resources(shown, { request, inventory, festival }));
}

/** Unlimited ones come last, as on PostgreSQL, and first when the largest come first. */
function inOrderOf(orderings: readonly Ordering<'id' | 'size'>[]): (a: Quota, b: Quota) => number {
  return (a, b) => {
    for (const { field, descending } of orderings) {
      const [one, other] = [a[field] ?? Infinity, b[field] ?? Infinity];
      if (one !== other) return one < other === descending ? 1 : -1;
    }
    return a.id - b.id;
  };
}

async function show(request: ApiRequest, inventory: InventoryContext): Promise<Reply> {
  const festival = festivalOf(request, inventory);
  const quota = quotaOf(request, festival);
  const [body] = await resources([quota], { request, inventory, festival });
  return { status: 200, body };
}

function quotaOf(request: ApiRequest, festival: Festival): Quota {
  const id = idIn(request.param('quota'));
  const quota = id === null ? undefined : festival.quotas.get(id);
  if (!quota) throw notFound();
  return quota;
}

type Place = { readonly request: ApiRequest; readonly inventory: InventoryContext; readonly festival: Festival };

/** As pretix exports them; `with_availability=true` adds two keys. */
async function resources(
  quotas: readonly Quota[],
  { request, inventory, festival }: Place,
): Promise<Record<string, unknown>[]> {
  const isTold = request.query.get('with_availability') === 'true';
  // Of others the catalogue says whether they are closed.
  const asked = isTold ? quotas : quotas.filter(({ close_when_sold_out, closed }) => close_when_sold_out && !closed);
  const ids = asked.map(({ id }) => id);
  const states = ids.length === 0 ? NO_STATES : await inventory.reservations.availability(whereOf(festival), ids);
  return quotas.map((quota) => {
    const state = states.get(quota.id);
    return { ...resource(quota), closed: state?.closed ?? quota.closed, ...(isTold ? summary(state) : {}) };
  });
}

const NO_STATES: ReadonlyMap<number, QuotaState> = new Map();

const resource = (quota: Quota): Record<string, unknown> => ({
  id: quota.id,
  name: quota.name,
  size: quota.size,
  items: quota.items,
  variations: quota.variations,
  subevent: quota.subevent,
  closed: quota.closed,
  close_when_sold_out: quota.close_when_sold_out,
  release_after_exit: quota.release_after_exit ?? false,
  ignore_for_event_availability: quota.ignore_for_event_availability ?? false,
});

/** Of a quota that is gone since it was looked up nothing is left. */
function summary(state: QuotaState | undefined): { available: boolean; available_number: number | null } {
  const { level, left } = state?.availability ?? { level: 'sold out', left: 0 };
  return { available: level === 'available', available_number: left };
}

/** What has been taken, by what takes it; nobody leaves early, since exits are not recorded. */
async function availability(request: ApiRequest, inventory: InventoryContext): Promise<Reply> {
  const festival = festivalOf(request, inventory);
  const { id } = quotaOf(request, festival);
  const state = (await inventory.reservations.availability(whereOf(festival), [id])).get(id);
  if (!state) throw notFound();
  const { quota, taken } = state;
  const { available, available_number } = summary(state);
  return {
    status: 200,
    body: {
      paid_orders: taken.paid,
      pending_orders: taken.pending,
      exited_orders: 0,
      blocking_vouchers: taken.vouchers,
      cart_positions: taken.carts,
      waiting_list: taken.waiting,
      available_number,
      available,
      total_size: quota.size,
    },
  };
}
