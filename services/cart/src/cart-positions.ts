import { instantOf } from '@gatehouse/domain/instant';
import type { CartOrder, CartRow } from '@gatehouse/inventory/carts/find';
import type { InventoryContext } from '@gatehouse/inventory/inventory';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { ApiError, notFound, ValidationError } from '@gatehouse/service/errors';
import { readOrdering } from '@gatehouse/service/filters';
import { route, type Route } from '@gatehouse/service/http';
import { Invalid } from '@gatehouse/service/invalid';
import { askedPage, findPage, pageReply } from '@gatehouse/service/pages';
import { idIn } from '@gatehouse/service/path';
import type { Reply } from '@gatehouse/service/reply';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import { createMany } from './bulk-create';
import { cartResource } from './cart-resource';
import { ACCESS, askerOf, byOf, whereOf } from './request';

/** Cart positions: contract §8. */
export function cartRoutes(inventory: InventoryContext): Route[] {
  return [
    route(`${EVENT_PATH}cartpositions/`, {
      name: 'cartposition-list',
      access: ACCESS,
      GET: (request) => list(request, inventory),
      POST: (request) => create(request, inventory),
    }),
    route(`${EVENT_PATH}cartpositions/bulk_create/`, {
      name: 'cartposition-bulk-create',
      access: ACCESS,
      POST: (request) => createMany(request, inventory),
    }),
    route(`${EVENT_PATH}cartpositions/:cart/`, {
      name: 'cartposition-detail',
      access: ACCESS,
      GET: (request) => show(request, inventory),
      DELETE: (request) => remove(request, inventory),
    }),
  ];
}

/** Those of carts `…@api`, expired ones included (contract §8.2). */
async function list(request: ApiRequest, inventory: InventoryContext): Promise<Reply> {
  // The sample of the seed has the header, so whoever followed it may read it (contract §12, row 16).
  const headers = { 'X-Page-Generated': instantOf(Date.now()) };
  const festival = festivalOf(request, inventory);
  const ordering = readOrdering(request.query, ['datetime', 'cart_id']).map(({ field, descending }): CartOrder => ({
    by: field,
    descending,
  }));
  const asked = askedPage(request.query);
  await inventory.caughtUp(['carts', 'shop']);
  const { page, rows } = await findPage(asked, (offset, limit) =>
    inventory.carts.page(whereOf(festival), { ordering, offset, limit }),
  );
  const reply = pageReply(
    request,
    page,
    rows.map((cart) => cartResource(cart, festival)),
  );
  return { ...reply, headers };
}

async function show(request: ApiRequest, inventory: InventoryContext): Promise<Reply> {
  const festival = festivalOf(request, inventory);
  await inventory.caughtUp(['carts', 'shop']);
  const id = idIn(request.param('cart'));
  const cart: CartRow | undefined = id === null ? undefined : await inventory.carts.find(whereOf(festival), id);
  if (!cart) throw notFound();
  return { status: 200, body: cartResource(cart, festival) };
}

async function create(request: ApiRequest, inventory: InventoryContext): Promise<Reply> {
  const { festival, read } = askerOf(request, inventory);
  const wanted = await read(await request.body());
  if (wanted instanceof Invalid) throw new ValidationError(wanted.tree);
  const [reserved] = await inventory.reservations.reserve(whereOf(festival), [wanted], byOf(request));
  // What the state of things refuses is a bare array, under no field (contract §8.4).
  if (reserved!.outcome === 'refused') throw new ApiError(400, [reserved!.text]);
  return { status: 201, body: cartResource(reserved!.cart, festival) };
}

async function remove(request: ApiRequest, inventory: InventoryContext): Promise<Reply> {
  const festival = festivalOf(request, inventory);
  const id = idIn(request.param('cart'));
  const released = id !== null && (await inventory.reservations.release(whereOf(festival), id, byOf(request)));
  if (!released) throw notFound();
  return { status: 204 };
}
