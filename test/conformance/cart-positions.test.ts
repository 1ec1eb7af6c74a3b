import { cart } from '@gatehouse/cart/service';
import {
  CARTS,
  cartPosition,
  cartShop,
  DATES,
  DEVICE,
  FAIR,
  HALL,
  inDays,
  ITEMS,
  LISTED,
  TOKENS,
  TOURS,
} from '@gatehouse/test-support/cart-shop';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The resource, the list, one position and its end: contract §8.1, §8.2, §8.5, with permissions (§1.3) and idempotency keys (§1.10). */

let system: System;
beforeAll(async () => {
  system = await startSystem([cart]);
  await system.import(cartShop());
});
afterAll(() => system.close());

type Json = Record<string, unknown>;
type Cart = Json & { readonly id: number };
const PASS = { item: ITEMS.pass, price: '10.00' };
const get = (target: string, token: string = TOKENS.viewer) => system.call('GET', target, { token });
const create = (json: Json = {}, headers: Record<string, string> = {}) =>
  system.call('POST', `${HALL}cartpositions/`, { token: TOKENS.admin, json: { ...PASS, ...json }, headers });
const made = async (json: Json = {}): Promise<Cart> => {
  const answer = await create(json);
  expect(answer.status).toBe(201);
  return answer.body as Cart;
};
const at = (id: unknown, event = HALL) => `${event}cartpositions/${String(id)}/`;
const remove = (target: string, token: string = TOKENS.changer) => system.call('DELETE', target, { token });
const NOT_FOUND = { status: 404, body: { detail: 'Not found.' } };
const DENIED = { status: 403, body: { detail: 'You do not have permission to perform this action.' } };
const idsOf = (answer: { body: unknown }) => (answer.body as { results: Cart[] }).results.map(({ id }) => id);

describe('contract §8.1 the resource', () => {
  test('its keys in their order, and what a new position is', async () => {
    const before = new Date(Date.now() - 2_000).toISOString();
    const position = await made();
    expect(Object.keys(position)).toEqual(
      'id cart_id item variation price attendee_name attendee_name_parts attendee_email voucher addon_to subevent datetime expires includes_tax answers seat'.split(
        ' ',
      ),
    );
    expect(position).toEqual({
      id: expect.any(Number) as unknown,
      cart_id: expect.stringMatching(/^[A-Za-z0-9]{48}@api$/) as unknown,
      ...PASS,
      variation: null,
      attendee_name: null,
      attendee_name_parts: {},
      attendee_email: null,
      voucher: null,
      addon_to: null,
      subevent: null,
      datetime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/) as unknown,
      expires: expect.any(String) as unknown,
      includes_tax: true,
      answers: [],
      seat: null,
    });
    const { datetime, expires } = position as unknown as { datetime: string; expires: string };
    expect(datetime > before && datetime < new Date(Date.now() + 2_000).toISOString()).toBe(true);
    // The event's own reservation_time, to the microsecond.
    expect(Date.parse(expires) - Date.parse(datetime)).toBe(45 * 60_000);
    expect(expires.slice(19)).toBe(datetime.slice(19));
    expect((await get(at(position.id))).body).toEqual(position);
  });

  test('each position without a cart has one of its own', async () => {
    const [one, other] = [await made(), await made()];
    expect(one['cart_id']).not.toBe(other['cart_id']);
  });
});

describe('contract §8.2 the list', () => {
  const list = (query = '') => get(`${LISTED}cartpositions/${query}`);
  test('carts …@api by their time, expired ones too, until they are purged', async () => {
    expect(idsOf(await list())).toEqual([CARTS.first, CARTS.expired, CARTS.second]);
  });

  test('what the shop has stated is shown as it is', async () => {
    const position = (await get(at(CARTS.first, LISTED))).body;
    expect(position).toMatchObject({
      id: CARTS.first,
      cart_id: 'b@api',
      attendee_name: 'Ada Lovelace',
      attendee_name_parts: { given_name: 'Ada', family_name: 'Lovelace' },
      attendee_email: 'ada@example.org',
      datetime: '2026-11-01T10:00:00.250000Z',
    });
    expect(((await list()).body as { results: unknown[] }).results[0]).toEqual(position);
  });

  test.each([
    ['', [CARTS.first, CARTS.expired, CARTS.second]],
    ['?ordering=datetime', [CARTS.first, CARTS.expired, CARTS.second]],
    ['?ordering=-datetime', [CARTS.second, CARTS.expired, CARTS.first]],
    ['?ordering=cart_id', [CARTS.second, CARTS.first, CARTS.expired]],
    ['?ordering=-cart_id', [CARTS.expired, CARTS.first, CARTS.second]],
    ['?ordering=price,-cart_id', [CARTS.expired, CARTS.first, CARTS.second]],
    ['?ordering=price', [CARTS.first, CARTS.expired, CARTS.second]],
    ['?item=99999&cart_id=a@api', [CARTS.first, CARTS.expired, CARTS.second]],
    ['?page_size=2', [CARTS.first, CARTS.expired]],
    ['?page_size=2&page=2', [CARTS.second]],
    ['?page_size=2&page=last', [CARTS.second]],
  ])('%s', async (query, ids) => {
    const answer = await list(query);
    expect(answer.status).toBe(200);
    expect(answer.body).toMatchObject({ count: 3 });
    expect(idsOf(answer)).toEqual(ids);
  });

  test('contract §1.8 links and pages that are not there', async () => {
    const url = `${system.url}${LISTED}cartpositions/`;
    expect((await list('?page_size=1&page=2')).body).toMatchObject({
      next: `${url}?page=3&page_size=1`,
      previous: `${url}?page_size=1`,
    });
    for (const page of ['4', '0', 'x', '9'.repeat(40)]) {
      expect(await list(`?page_size=1&page=${page}`)).toMatchObject({ status: 404, body: { detail: 'Invalid page.' } });
    }
    const empty = await get(`${TOURS}cartpositions/?page=last`);
    expect(empty.body).toEqual({ count: 0, next: null, previous: null, results: [] });
  });

  test('contract §12 row 16: says when it was made', async () => {
    const { headers } = await list();
    expect(headers['x-page-generated']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    expect((await get(at(CARTS.first, LISTED))).headers).not.toHaveProperty('x-page-generated');
  });

  test('has what was just made, among what the shop has', async () => {
    const json = { item: ITEMS.listed, price: '1.00', cart_id: 'aa@api' };
    const answer = await system.call('POST', `${LISTED}cartpositions/`, { token: TOKENS.admin, json });
    const { id } = answer.body as Cart;
    expect(idsOf(await list())).toEqual([CARTS.first, CARTS.expired, CARTS.second, id]);
    expect(idsOf(await list('?ordering=cart_id'))).toEqual([CARTS.second, id, CARTS.first, CARTS.expired]);
    expect((await remove(at(id, LISTED))).status).toBe(204);
    expect(idsOf(await list())).toEqual([CARTS.first, CARTS.expired, CARTS.second]);
  });
});

describe('contract §8.2 one position', () => {
  test('404: unknown, of another event, not …@api, purged, no number', async () => {
    const { id } = await made();
    const nowhere = [
      ...[at(99999), at(id, TOURS), at(CARTS.web, LISTED), at(CARTS.purged, LISTED), at('abc'), at(`0${id}`)],
      ...[at(`${id}.0`), at('9'.repeat(30)), at('%00'), at('-1'), at(31)],
    ];
    for (const target of nowhere) {
      expect(await get(target)).toMatchObject(NOT_FOUND);
      expect(await remove(target)).toMatchObject(NOT_FOUND);
    }
    expect((await get(at(id))).status).toBe(200);
  });

  test('stays after it has expired, and can be deleted', async () => {
    const { id } = await made({ expires: '2020-01-01T00:00:00Z' });
    expect(await get(at(id))).toMatchObject({ status: 200, body: { expires: '2020-01-01T00:00:00Z' } });
    expect((await remove(at(id))).status).toBe(204);
    expect(await get(at(id))).toMatchObject(NOT_FOUND);
  });

  test('is deleted once, without a body', async () => {
    const { id } = await made();
    const answer = await remove(at(id));
    expect(answer).toMatchObject({ status: 204, text: '' });
    expect(await remove(at(id))).toMatchObject(NOT_FOUND);
    expect(await get(at(id))).toMatchObject(NOT_FOUND);
  });

  test("the shop's frees its place at once and is deleted for good: stated again it does not come back", async () => {
    const mine = cartPosition(41, ITEMS.five, { cart_id: 'gone@api' });
    const shop = cartShop();
    const files = {
      ...shop,
      'demo/events/hall/cartpositions.json': [...(shop['demo/events/hall/cartpositions.json'] as Json[]), mine],
    };
    await system.import(files);
    const left = async () => (await get(`${HALL}quotas/${ITEMS.five + 1_000}/availability/`)).body;
    expect((await get(at(41))).status).toBe(200);
    expect(await left()).toMatchObject({ cart_positions: 1, available_number: 4 });
    expect((await remove(at(41))).status).toBe(204);
    expect(await left()).toMatchObject({ cart_positions: 0, available_number: 5 });
    const restated = { ...mine, price: '11.00' };
    await system.import({
      ...shop,
      'demo/events/hall/cartpositions.json': [...(shop['demo/events/hall/cartpositions.json'] as Json[]), restated],
    });
    expect(await get(at(41))).toMatchObject(NOT_FOUND);
    expect(await left()).toMatchObject({ cart_positions: 0, available_number: 5 });
  });

  test('405 for PUT and PATCH', async () => {
    for (const method of ['PUT', 'PATCH']) {
      const answer = await system.call(method, at(99999), { token: TOKENS.admin, json: {} });
      expect(answer).toMatchObject({ status: 405, body: { detail: `Method "${method}" not allowed.` } });
      expect(answer.headers['allow']).toBe('GET, DELETE, HEAD, OPTIONS');
    }
    expect(await get(`${HALL}cartpositions/bulk_create/`)).toMatchObject({ status: 405 });
  });
});

describe('contract §1.3 who may', () => {
  const targets: [string, string, string, number][] = [
    ['GET', `${HALL}cartpositions/`, 'see', 200],
    ['GET', at(99999), 'see', 404],
    ['GET', `${HALL}quotas/`, 'see', 200],
    ['GET', `${HALL}quotas/${ITEMS.pass + 1_000}/`, 'see', 200],
    ['GET', `${HALL}quotas/${ITEMS.pass + 1_000}/availability/`, 'see', 200],
    ['POST', `${HALL}cartpositions/`, 'change', 400],
    ['POST', `${HALL}cartpositions/bulk_create/`, 'change', 400],
    ['DELETE', at(99999), 'change', 404],
  ];
  const token = (name: keyof typeof TOKENS) => ({ authorization: `Token ${TOKENS[name]}` });
  const principals: [string, Record<string, string>, string[]][] = [
    ['can_view_orders', token('viewer'), ['see']],
    ['can_change_orders', token('changer'), ['change']],
    ['all', token('admin'), ['see', 'change']],
    ['a device', { authorization: `Device ${DEVICE}` }, ['see', 'change']],
    ['a token without flags', token('nothing'), []],
    ['a token for another event', token('toursOnly'), []],
    ["another organizer's", token('other'), []],
  ];
  describe.each(principals)('%s', (_who, headers, may) => {
    test.each(targets)('%s %s', async (method, target, right, status) => {
      const answer = await system.call(method, target, { headers });
      if (may.includes(right)) expect(answer.status).toBe(status);
      else expect(answer).toMatchObject(DENIED);
    });
  });

  test('nobody without a credential, and no event that is not there', async () => {
    expect((await system.call('GET', `${HALL}cartpositions/`)).status).toBe(401);
    expect(await get(`${HALL.replace('hall', 'nosuch')}cartpositions/`)).toMatchObject(DENIED);
  });

  test('one organizer never sees, takes or ends what another has', async () => {
    const { id } = await made();
    for (const target of [at(id), at(id, FAIR), `${HALL}cartpositions/`, `${HALL}quotas/${ITEMS.pass + 1_000}/`]) {
      const answer = await get(target, TOKENS.other);
      expect(answer).toMatchObject(target.startsWith(FAIR) ? NOT_FOUND : DENIED);
    }
    expect(await remove(at(id, FAIR), TOKENS.other)).toMatchObject(NOT_FOUND);
    expect(idsOf(await get(`${FAIR}cartpositions/`, TOKENS.other))).toEqual([31]);
    const json = { item: ITEMS.pass, price: '1.00', subevent: DATES.morning };
    const answer = await system.call('POST', `${FAIR}cartpositions/`, { token: TOKENS.other, json });
    expect(answer.body).toEqual({
      item: [`Invalid pk "${ITEMS.pass}" - object does not exist.`],
      subevent: [`Invalid pk "${DATES.morning}" - object does not exist.`],
    });
    expect((await get(at(id))).status).toBe(200);
  });
});

describe('contract §1.10 idempotency keys', () => {
  test('a repeat is the same reservation, whatever it asks', async () => {
    const headers = { 'x-idempotency-key': 'cart-1' };
    const first = await create({ cart_id: 'one@api' }, headers);
    const again = await create({ cart_id: 'two@api' }, headers);
    expect(again.text).toBe(first.text);
    expect(again.status).toBe(201);
  });

  test('a repeated deletion is as the first', async () => {
    const { id } = await made();
    const ask = { token: TOKENS.admin, headers: { 'x-idempotency-key': 'cart-2' } };
    expect((await system.call('DELETE', at(id), ask)).status).toBe(204);
    expect((await system.call('DELETE', at(id), ask)).status).toBe(204);
    expect((await remove(at(id))).status).toBe(404);
  });

  test('a refusal is kept, too', async () => {
    const headers = { 'x-idempotency-key': 'cart-3' };
    const seat = { item: ITEMS.chair, seat: 'A-1', expires: inDays(1) };
    const holder = await made(seat);
    const refused = await create(seat, headers);
    expect(refused.status).toBe(400);
    await remove(at(holder.id));
    expect((await create(seat, headers)).text).toBe(refused.text);
    expect((await create(seat)).status).toBe(201);
  });
});

test('contract §1.1 with and without the slash at the end', async () => {
  const { id } = await made();
  expect((await get(at(id).slice(0, -1))).status).toBe(200);
  const answer = await system.call('POST', `${HALL}cartpositions`, { token: TOKENS.admin, json: PASS });
  expect(answer.status).toBe(201);
  expect((await remove(at(id).slice(0, -1))).status).toBe(204);
});
