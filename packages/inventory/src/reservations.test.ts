import { randomUUID } from 'node:crypto';
import type { Recorded } from '@gatehouse/events/envelope';
import { inventoryStream } from '@gatehouse/events/inventory';
import { epochMs } from '@gatehouse/domain/instant';
import { until } from '@gatehouse/eventing/history-in-test';
import { replay } from '@gatehouse/eventing/projection';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { HALL, hall, shopCart, wanted, type Hall } from '@gatehouse/test-support/hall';
import { startInventory, type InventorySystem } from '@gatehouse/test-support/inventory';
import { SHOP } from '@gatehouse/test-support/shop';
import type { CartOrder } from './carts/find';
import { openInventory, type InventoryContext } from './inventory';
import type { By } from './asker';
import type { Reserved, Wanted } from './reservations';

const { where } = HALL;
const stream = inventoryStream(where.organizer, where.event);
const by: By = { actor: 'token:1', trace: null };

let system: InventorySystem;
afterEach(() => system.close());
const start = async (what: Hall = {}) => {
  system = await startInventory();
  await system.import(hall(what));
};

const reserve = (places: readonly Partial<Wanted>[], asker: By = by, at: InventoryContext = system.inventory) =>
  at.reservations.reserve(where, places.map(wanted), asker);
const cartOf = (reserved: Reserved | undefined) => {
  if (reserved?.outcome !== 'reserved') throw new Error(`not reserved: ${JSON.stringify(reserved)}`);
  return reserved.cart;
};
const textOf = (reserved: Reserved) => (reserved.outcome === 'refused' ? reserved.text : reserved.outcome);

async function history(): Promise<Recorded[]> {
  const { own, ownFeed } = system.inventoryFeeds;
  const events: Recorded[] = [];
  await replay(ownFeed, { from: own.start, until: await own.head() }, (batch) =>
    Promise.resolve(void events.push(...batch)),
  );
  return events;
}
const typesOf = (events: readonly Recorded[]) => events.map(({ type }) => type);
const left = async () => {
  const states = await system.inventory.reservations.availability(where, [HALL.quota]);
  return states.get(HALL.quota)!.availability.left;
};

const FULL = 'There is not enough quota available on quota "Passes" to perform the operation.';

test('§8.4, §8.6: element by element in their order until the quota is exhausted; refusals are history before the reply', async () => {
  await start({ size: 3 });
  expect(await left()).toBe(3);
  const [first] = await reserve([{ attendee_email: 'a@example.org' }]);
  const cart = cartOf(first);
  expect(cart).toMatchObject({
    item: SHOP.pass,
    price: '10.00',
    attendee_email: 'a@example.org',
    voucher: null,
    addon_to: null,
    seat: null,
  });
  expect(cart.id).toBeGreaterThanOrEqual(1_000_000_000);
  expect(cart.cart_id).toMatch(/^[A-Za-z0-9]{48}@api$/);
  expect(epochMs(cart.expires) - epochMs(cart.datetime)).toBe(30 * 60_000);
  expect(cart.expires.slice(19)).toBe(cart.datetime.slice(19));
  const answers = await reserve([{}, { cart_id: 'own@api' }, {}, {}]);
  expect(answers.map(textOf)).toEqual(['reserved', 'reserved', FULL, FULL]);
  expect(cartOf(answers[1]).cart_id).toBe('own@api');
  expect(await left()).toBe(0);
  const events = await history();
  expect(typesOf(events)).toEqual([
    ...Array<string>(3).fill('CartReserved'),
    'ReservationRefused',
    'ReservationRefused',
  ]);
  expect(events[3]).toMatchObject({
    stream: expect.stringMatching(/^refusals-/),
    actor: 'token:1',
    data: { ...where, item: SHOP.pass, reason: 'quota_exhausted', quota: HALL.quota, voucher: null, seat: null },
  });
});

test('§8.4: what is read back is what was answered, seat and voucher included', async () => {
  await start();
  const [seated, used] = await reserve([
    { item: SHOP.day, seat: 'A-2', attendee_name_parts: { _scheme: 'full', full_name: 'Ada' } },
    { voucher: 'three', includes_tax: false, expires: '2099-01-01T00:00:00.000001Z' },
  ]);
  expect(cartOf(seated).seat).toEqual({ id: 701, name: 'Row A, Seat 2', guid: 'A-2' });
  expect(cartOf(used)).toMatchObject({
    voucher: HALL.vouchers.three,
    includes_tax: false,
    expires: '2099-01-01T00:00:00.000001Z',
  });
  await system.inventory.caughtUp(['carts']);
  for (const reserved of [seated, used]) {
    const cart = cartOf(reserved);
    expect(await system.inventory.carts.find(where, cart.id)).toEqual({
      ...cart,
      imported: false,
      guid: cart.seat?.guid ?? null,
      now: expect.any(String) as unknown,
    });
  }
});

test('§8.4: refusals by seat and voucher name only what exists', async () => {
  await start();
  const texts = (
    await reserve([
      { item: SHOP.day },
      { item: SHOP.day, seat: 'Z-9' },
      { item: SHOP.day, seat: 'A-1' },
      { item: SHOP.day, seat: 'A-1' },
      { voucher: 'nobody' },
    ])
  ).map(textOf);
  expect(texts).toEqual([
    'The specified product requires to choose a seat.',
    'The specified seat does not exist.',
    'reserved',
    'The selected seat "Row A, Seat 1" is not available.',
    'The specified voucher does not exist.',
  ]);
  const refused = (await history()).filter(({ type }) => type === 'ReservationRefused');
  expect(refused.map(({ data }) => (data as { seat: unknown }).seat)).toEqual([null, null, 'A-1', null]);
});

test('§8.2: a deleted reservation is free again at once; deleted a second time it is gone', async () => {
  await start({ size: 1 });
  const { id } = cartOf((await reserve([{}]))[0]);
  expect((await reserve([{}])).map(textOf)).toEqual([FULL]);
  const { release } = system.inventory.reservations;
  expect(await release(where, id, by)).toBe(true);
  expect(await release(where, id, by)).toBe(false);
  expect(await release({ ...where, event: 'other' }, cartOf((await reserve([{}]))[0]).id, by)).toBe(false);
  expect(await release(where, 17, by)).toBe(false);
});

test('§8.2, §8.5: an expired reservation counts no more, and can be read and deleted, once', async () => {
  await start({ size: 1 });
  const { id } = cartOf((await reserve([{ expires: '2020-01-01T00:00:00Z' }]))[0]);
  expect(await left()).toBe(1);
  await system.inventory.caughtUp(['carts']);
  expect(await system.inventory.carts.find(where, id)).toMatchObject({ id });
  expect(await system.inventory.reservations.release(where, id, by)).toBe(true);
  expect(await system.inventory.reservations.release(where, id, by)).toBe(false);
  await system.inventory.caughtUp(['carts']);
  expect(await system.inventory.carts.find(where, id)).toBeUndefined();
});

test('§8.2: a cart of the shop counts until it is deleted here, and no import brings it back', async () => {
  const carts = [shopCart(11), shopCart(12, { cart_id: 'web12' })];
  await start({ size: 3, carts });
  expect(await left()).toBe(1);
  const { release } = system.inventory.reservations;
  expect(await release(where, 12, by)).toBe(false);
  expect(await release(where, 11, by)).toBe(true);
  expect(await left()).toBe(2);
  expect(await release(where, 11, by)).toBe(false);
  await system.import(hall({ size: 3, carts: [shopCart(11, { price: '11.00' }), carts[1]!] }));
  expect(await left()).toBe(2);
  expect(await system.inventory.carts.find(where, 11)).toBeUndefined();
  expect((await history()).map(({ data }) => (data as { imported?: boolean }).imported)).toEqual([true]);
});

test('§8.2: a cart of the shop that was deleted here is never taken off twice, though the shop shortens it before its counts leave it out', async () => {
  await start({ size: 2, carts: [shopCart(11)] });
  expect(await left()).toBe(1);
  const client = await system.inventoryFeeds.pool.connect();
  await client.query('begin');
  await client.query("select from checkpoints where name = 'shop' and topic = 'inventory' for update");
  // The deletion is recorded, though the counts do not follow.
  expect(await system.inventory.reservations.release(where, 11, by)).toBe(true);
  expect(await left()).toBe(1);
  const importing = system.import(hall({ size: 2, carts: [shopCart(11, { expires: '2020-01-01T00:00:00Z' })] }));
  await until(async () => (await left()) === 2);
  expect((await reserve([{}, {}, {}])).map(textOf)).toEqual(['reserved', 'reserved', FULL]);
  await client.query('commit');
  client.release();
  await importing;
  await system.inventory.caughtUp(['shop']);
  expect(await left()).toBe(0);
});

test('§8.2: the list has our own and those of the shop, of carts …@api, in every order and page', async () => {
  const expired = { datetime: '2027-01-01T00:00:00Z', expires: '2027-01-01T00:30:00Z' };
  const early = new Date(Date.now() - 86_400_000).toISOString();
  const carts = [
    shopCart(13, { cart_id: 'b@api', datetime: early }),
    shopCart(14, { cart_id: 'B@API' }),
    shopCart(15, { cart_id: 'a@api' }),
  ];
  await start({
    size: 100,
    carts: [...carts, shopCart(16, { ...expired, datetime: '2020-01-01T00:00:00Z', expires: '2020-01-01T00:30:00Z' })],
  });
  const own = (await reserve(['c', 'A', 'a', 'z'].map((name) => ({ cart_id: `${name}@api` })))).map(
    (each) => cartOf(each).id,
  );
  own.push(cartOf((await reserve([{ cart_id: 'a@api' }]))[0]).id);
  await system.inventory.reservations.release(where, own[3]!, by);
  await system.inventory.caughtUp(['carts', 'shop']);
  const page = async (ordering: readonly CartOrder[], offset = 0, limit = 50) => {
    const { count, rows } = await system.inventory.carts.page(where, { ordering, offset, limit });
    expect(count).toBe(6);
    return rows.map(({ id }) => id);
  };
  const up = (by: CartOrder['by']): CartOrder => ({ by, descending: false });
  const down = (by: CartOrder['by']): CartOrder => ({ by, descending: true });
  const [c, A, a, , later] = own;
  const byTime = [13, 15, c, A, a, later];
  expect(await page([])).toEqual(byTime);
  expect(await page([up('datetime'), down('datetime')])).toEqual(byTime);
  expect(await page([down('datetime')])).toEqual([...byTime].reverse());
  const byCart = [A, 15, a, later, 13, c];
  expect(await page([up('cart_id'), up('datetime')])).toEqual(byCart);
  expect(await page([up('cart_id'), down('datetime')])).toEqual([A, later, a, 15, 13, c]);
  expect(await page([up('cart_id')])).toEqual(byCart);
  expect(await page([down('cart_id')])).toEqual([...byCart].reverse());
  expect(await page([up('cart_id')], 1, 2)).toEqual(byCart.slice(1, 3));
  expect(await page([down('datetime')], 5, 2)).toEqual([13]);
  expect(await page([down('datetime')], 6, 2)).toEqual([]);
  expect(await page([], 2 ** 31 - 1, 50)).toEqual([]);
});

test('§8.5: 14 days after it has expired a reservation is purged: from list, count and detail at once, and then from the tables', async () => {
  await start();
  const [one, two] = (await reserve([{ expires: '2020-01-01T00:00:00Z' }, {}])).map((each) => cartOf(each).id);
  const shown = async () => {
    await system.inventory.caughtUp(['carts']);
    const { count, rows } = await system.inventory.carts.page(where, { ordering: [], offset: 0, limit: 50 });
    return [count, ...rows.map(({ id }) => id)];
  };
  const { pool } = system.inventoryFeeds;
  const stored = async () =>
    (await pool.query<{ id: number }>('select id from carts order by id')).rows.map(({ id }) => id);
  await until(async () => (await history()).some(({ type }) => type === 'CartExpired'));
  expect(await shown()).toEqual([2, one, two]);
  await pool.query("update carts set kept_from = now() - interval '14 days' where id = $1", [one]);
  expect(await shown()).toEqual([1, two]);
  expect(await system.inventory.carts.find(where, one!)).toBeUndefined();
  expect(await system.inventory.reservations.release(where, one!, by)).toBe(false);
  expect(await stored()).toEqual([one, two]);
  const [three] = (await reserve([{}])).map((each) => cartOf(each).id);
  expect(await shown()).toEqual([2, two, three]);
  expect(await stored()).toEqual([two, three]);
});

test('§1.10: a request that runs again reserves nothing twice and records no refusal twice, whatever has become of its places', async () => {
  await start({ size: 4 });
  const keyed: By = { ...by, request: randomUUID(), again: false };
  const places = [{}, {}, { voucher: 'nobody' }, { expires: '2020-01-01T00:00:00Z' }];
  const first = await reserve(places, keyed);
  expect(first.map(textOf)).toEqual(['reserved', 'reserved', 'The specified voucher does not exist.', 'reserved']);
  const { release } = system.inventory.reservations;
  expect(await release(where, cartOf(first[1]).id, by)).toBe(true);
  expect(await release(where, cartOf(first[3]).id, by)).toBe(true);
  const before = (await history()).length;
  const { again: _unknown, ...unsure } = keyed;
  for (const asker of [unsure, { ...keyed, again: true }]) expect(await reserve(places, asker)).toEqual(first);
  expect((await history()).length).toBe(before);
});

test('§1.10: a request that was interrupted makes what it has not made, and no more', async () => {
  await start({ size: 10 });
  const keyed: By = { ...by, request: randomUUID(), again: false };
  const places = [{ cart_id: '0@api' }, { cart_id: '1@api' }, { cart_id: '2@api' }];
  const [made] = await reserve(places.slice(0, 1), keyed);
  const whole = await reserve(places, { ...keyed, again: true });
  expect(whole.map((each) => cartOf(each).cart_id)).toEqual(['0@api', '1@api', '2@api']);
  expect(whole[0]).toEqual(made);
  expect(await left()).toBe(7);
});

test('§1.10: a deletion that runs again is done, and what was not there is not', async () => {
  await start();
  const [one, two] = await reserve([{}, {}]);
  const keyed: By = { ...by, request: randomUUID() };
  const { release } = system.inventory.reservations;
  expect(await release(where, cartOf(one).id, keyed)).toBe(true);
  expect(await release(where, cartOf(one).id, keyed)).toBe(true);
  expect(await release(where, cartOf(two).id, by)).toBe(true);
  expect(await release(where, cartOf(two).id, { ...by, request: randomUUID() })).toBe(false);
});

test('§2.10: facts that stay older than what was decided end in the 409', async () => {
  await start();
  const { store } = system.inventory;
  const event = { ...where, vouchers: [], facts_revision: 1_000 };
  await store.append(stream, 0, [
    { id: randomUUID(), type: 'VoucherTermsChanged', version: 1, data: event, actor: 'test:1', trace: null },
  ]);
  await expect(reserve([{}])).rejects.toMatchObject({
    status: 409,
    body: { detail: 'The server was too busy to process your request. Please try again.' },
    headers: { 'Retry-After': '5' },
  });
  await expect(left()).rejects.toMatchObject({ status: 409 });
});

test('a place whose data no store can keep is refused alone', async () => {
  await start();
  const large = { attendee_name_parts: { full_name: 'x'.repeat(1_000_000) } };
  expect((await reserve([{}, large, {}])).map(textOf)).toEqual([
    'reserved',
    'The reservation is too large.',
    'reserved',
  ]);
});

test('what one process reserves another knows, and both sell no place twice', async () => {
  await start({ size: 40 });
  const backends = openBackends(readConfig({}), system.databaseUrl);
  const other = await openInventory(backends);
  try {
    const [one] = await reserve([{}]);
    expect(await other.reservations.release(where, cartOf(one).id, by)).toBe(true);
    const all = await Promise.all(
      Array.from({ length: 100 }, (_, n) => reserve([{}], by, n % 2 === 0 ? other : system.inventory)),
    );
    expect(all.flat().filter(({ outcome }) => outcome === 'reserved')).toHaveLength(40);
    const ids = all.flat().flatMap((each) => (each.outcome === 'reserved' ? [each.cart.id] : []));
    expect(new Set(ids).size).toBe(40);
  } finally {
    await other.close();
    await backends.close();
  }
});

test('§2.7: a quota that closes when it is found sold out stays closed until the shop states it anew', async () => {
  const closing = { close_when_sold_out: true };
  await start({ size: 1, quota: closing, carts: [shopCart(11)] });
  // Reserved is not sold out.
  expect((await reserve([{}])).map(textOf)).toEqual([FULL]);
  await system.import(hall({ size: 0, quota: closing, carts: [shopCart(11)] }));
  expect((await reserve([{}, {}])).map(textOf)).toEqual([FULL, FULL]);
  expect(typesOf(await history()).filter((type) => type === 'QuotaClosed')).toHaveLength(1);
  await system.import(hall({ size: 3, quota: closing, carts: [shopCart(11)] }));
  expect(await left()).toBe(2);
});
