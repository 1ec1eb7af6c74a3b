import { setTimeout as sleep } from 'node:timers/promises';
import { inventory as inventoryEvents } from '@gatehouse/events/inventory';
import { shopModel } from '@gatehouse/inventory/shop/read-model';
import { rebuildReadModel, verifyReadModel } from '@gatehouse/eventing/read-model';
import { startInventory, type InventorySystem } from '@gatehouse/test-support/inventory';
import { shopExport, shopOrder, shopPosition, SHOP } from '@gatehouse/test-support/shop';
import type { ExportFiles } from '@gatehouse/test-support/system';

/* What inventory knows of the shop in a system that runs: imports, late facts, carts of the shop that were deleted here, a rebuild. */

const where = { organizer: SHOP.slug, event: 'fest' };
const FUTURE = '2100-01-01T00:00:00Z';

let system: InventorySystem;
beforeAll(async () => {
  system = await startInventory();
  await system.import(festival());
});
afterAll(() => system.close());

function festival(more: ExportFiles = {}): ExportFiles {
  const quota = { id: 1, name: 'Pass', size: 10, items: [SHOP.pass], variations: [], subevent: null };
  return { ...shopExport([]), 'events/fest/quotas.json': [quota], ...more };
}

const cartOf = (id: number, more: object = {}) => ({
  id,
  cart_id: `cart${id}@api`,
  item: SHOP.pass,
  price: '10.00',
  datetime: '2027-01-01T00:00:00Z',
  expires: FUTURE,
  ...more,
});

const ask = { where, product: { item: SHOP.pass, variation: null, date: null }, productName: 'Pass', learned: 0 };
const hold = (more: { voucher?: string; seat?: string } = {}) =>
  system.inventory.facts.hold({ ...ask, voucher: null, seat: null, ...more });

/** Holds up what fills the read model until the answer is called. */
async function holdUp(): Promise<() => Promise<void>> {
  const client = await system.inventoryFeeds.pool.connect();
  await client.query('begin');
  await client.query("select from checkpoints where name = 'shop' and topic = 'reference' for update");
  return async () => {
    await client.query('commit');
    client.release();
  };
}

const imports = async (): Promise<number> => {
  const { rows } = await system.pool.query<{ imports: number }>(
    "select count(*)::integer as imports from reference.events where type = 'ImportFinished'",
  );
  return rows[0]!.imports;
};

test('a voucher and a seat that the shop has told of, but that the read model has not yet, are found', async () => {
  const before = await imports();
  const release = await holdUp();
  const importing = system.import(
    festival({
      'events/fest/vouchers.json': [{ id: 1, code: 'LATE', max_usages: 1 }],
      'events/fest/seats.json': [{ id: 1, seat_guid: 'S-1', zone_name: 'Stand' }],
    }),
  );
  while ((await imports()) === before) await sleep(5);
  const asked = Promise.all([hold({ voucher: 'late' }), hold({ seat: 'S-1' })]);
  await sleep(100);
  await release();
  const [withVoucher, withSeat] = await asked;
  expect(withVoucher.voucher?.id).toBe(1);
  expect(withSeat.seat).toMatchObject({ id: 1, name: 'Stand' });
  await importing;
  expect((await hold({ voucher: 'nobody-has-this' })).voucher).toBeNull();
});

test('§2.7 an import that says otherwise counts as it is now', async () => {
  const [a, b, c] = [shopPosition(1001), shopPosition(1002), shopPosition(1003)];
  const orders = (...all: unknown[]) => festival({ 'events/fest/orders.ndjson': all });
  await system.import(orders(shopOrder('ONE', [a, b]), shopOrder('TWO', [c], { status: 'n' })));
  expect((await hold()).quotas[0]).toMatchObject({ paid: 2, pending: 1 });
  // One is not named any more, one has moved, and the order that it has moved to is paid.
  await system.import(orders(shopOrder('ONE', []), shopOrder('TWO', [c, b], { testmode: true })));
  expect((await hold()).quotas[0]).toMatchObject({ paid: 2, pending: 0 });
  await system.import(orders(shopOrder('TWO', [c, b], { status: 'c' })));
  expect((await hold()).quotas[0]).toMatchObject({ paid: 0, pending: 0 });
});

test('§8.2 a cart of the shop that was deleted here counts no longer, and a rebuild comes to the same', async () => {
  const carts = (...all: unknown[]) => festival({ 'events/fest/cartpositions.json': all });
  await system.import(carts(cartOf(1, { attendee_email: 'ada@example.org' }), cartOf(2)));
  expect((await hold()).quotas[0]).toMatchObject({ carts: 2 });
  const { type, version, data } = inventoryEvents.write({
    type: 'CartReleased',
    data: {
      ...where,
      id: 1,
      cart_id: 'cart1@api',
      ...ask.product,
      voucher: null,
      seat: null,
      expires: FUTURE,
      imported: true,
      datetime: '2027-01-01T00:00:00Z',
    },
  });
  const id = '7d444840-9dc0-11d1-b245-5ffdce74fad2';
  const event = { id, type, version, data, actor: 'test', trace: null };
  await system.inventory.store.append(`inventory-${SHOP.slug}/fest`, 0, [event]);
  await system.settled();
  expect((await hold()).quotas[0]).toMatchObject({ carts: 1 });
  await system.import(carts(cartOf(1, { item: SHOP.day }), cartOf(2)));
  const before = await hold();
  expect(before.quotas[0]).toMatchObject({ carts: 1 });

  const { inventoryFeeds: feeds } = system;
  expect(await verifyReadModel(shopModel, feeds, () => undefined)).toEqual([]);
  await rebuildReadModel(shopModel, feeds, () => undefined);
  expect({ ...(await hold()), now: before.now }).toEqual(before);
  expect(await verifyReadModel(shopModel, feeds, () => undefined)).toEqual([]);
});
