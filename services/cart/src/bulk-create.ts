import { setImmediate as nextTurn } from 'node:timers/promises';
import type { InventoryContext } from '@gatehouse/inventory/inventory';
import type { Reserved, Wanted } from '@gatehouse/inventory/reservations';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { ApiError, type ErrorTree } from '@gatehouse/service/errors';
import { Invalid } from '@gatehouse/service/invalid';
import type { Reply } from '@gatehouse/service/reply';
import type { Festival } from '@gatehouse/shop/festival';
import { cartResource } from './cart-resource';
import type { CartReader } from './cart-request';
import { askerOf, byOf, whereOf } from './request';

/** As many as a body holds that says something in each; without a bound the reply to a list of commas would be a hundred times as large. */
const MAX_ELEMENTS = 10_000;

/** `POST bulk_create/`: each element by itself, in their order, and always 200 (contract §8.6). */
export async function createMany(request: ApiRequest, inventory: InventoryContext): Promise<Reply> {
  const { festival, read } = askerOf(request, inventory);
  const body = await request.body();
  if (!Array.isArray(body)) throw new ApiError(400, { error: 'Please supply a list' });
  if (body.length > MAX_ELEMENTS) throw new ApiError(400, { error: `Please supply at most ${MAX_ELEMENTS} elements` });
  const asked = await readAll(body, read);
  // By its place in the request each is found again, whatever has become of the others when the request runs once more.
  const wanted = asked.flatMap((each, place) => (each instanceof Invalid ? [] : [{ ...each, place }]));
  const reserved =
    wanted.length === 0 ? [] : await inventory.reservations.reserve(whereOf(festival), wanted, byOf(request));
  const next = reserved.values();
  const results = asked.map((each) =>
    each instanceof Invalid ? failure(each.tree) : resultOf(next.next().value!, festival),
  );
  return { status: 200, body: { results } };
}

/** In turns of the event loop, so that others are answered in between. */
async function readAll(elements: readonly unknown[], read: CartReader): Promise<(Wanted | Invalid)[]> {
  const all: (Wanted | Invalid)[] = [];
  let since = performance.now();
  for (const element of elements) {
    all.push(await read(element));
    if (performance.now() - since < TURN_MS) continue;
    await nextTurn();
    since = performance.now();
  }
  return all;
}

const TURN_MS = 5;

function resultOf(reserved: Reserved, festival: Festival): object {
  if (reserved.outcome === 'refused') return failure({ non_field_errors: [reserved.text] });
  return { success: true, data: cartResource(reserved.cart, festival), errors: null };
}

const failure = (errors: ErrorTree): object => ({ success: false, data: null, errors });
