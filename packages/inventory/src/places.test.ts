import { randomUUID } from 'node:crypto';
import type { Envelope } from '@gatehouse/events/envelope';
import { inventoryStream, type InventoryEvent } from '@gatehouse/events/inventory';
import { batchStream, sales as catalog, type BatchEvent, type BatchRequested } from '@gatehouse/events/sales';
import { request } from '@gatehouse/domain/batch-in-test';
import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { HALL, hall, wanted, type Hall } from '@gatehouse/test-support/hall';
import { startInventory, type InventorySystem } from '@gatehouse/test-support/inventory';
import { SHOP } from '@gatehouse/test-support/shop';
import { openInventory } from './inventory';
import { placesSubscriber } from './places';

const { where } = HALL;
const stream = inventoryStream(where.organizer, where.event);

let system: InventorySystem;
afterEach(() => system.close());
const start = async (what: Hall = {}) => {
  system = await startInventory();
  await system.import(hall(what));
};

const delivered = (event: BatchEvent, revision: number): Envelope => ({
  ...catalog.write(event),
  ...{ id: randomUUID(), stream: batchStream(event.data.batch), revision },
  ...{ time: '2027-06-01T08:00:01Z', actor: 'token:1', trace: null },
});
/** As sales delivers it: three passes, unless `more` says otherwise. */
const requested = (batch: string, more: Partial<BatchRequested['data']> = {}): Envelope =>
  delivered({ type: 'BatchRequested', data: { ...request, ...where, item: SHOP.pass, batch, ...more } }, 0);
const failed = (batch: string): Envelope => {
  const { organizer, event, item, variation, date, amount, sales_channel, testmode, datetime } = {
    ...request,
    ...where,
  };
  const about = { organizer, event, batch, item, variation, date, amount, sales_channel, testmode, datetime };
  return delivered({ type: 'BatchFailed', data: { ...about, message: 'Not needed.' } }, 1);
};

const history = async () => (await system.inventory.store.load(stream)) as (Envelope & InventoryEvent)[];
/** The types of the events about a batch. */
const about = async (batch: string) =>
  (await history()).flatMap(({ type, data }) => ('batch' in data && data.batch === batch ? [type] : []));
const left = async () => {
  const states = await system.inventory.reservations.availability(where, [HALL.quota]);
  return states.get(HALL.quota)!.availability.left;
};
const reserve = (places: number) =>
  system.inventory.reservations.reserve(
    where,
    Array.from({ length: places }, () => wanted()),
    {
      actor: 'token:1',
      trace: null,
    },
  );
/** The subscriber of another process. */
async function another() {
  const backends = openBackends(readConfig({}), system.databaseUrl);
  const inventory = await openInventory(backends, { bus: system.inventoryFeeds.bus.bus });
  return {
    handle: placesSubscriber(inventory),
    async close() {
      await inventory.close();
      await backends.close();
    },
  };
}

test('§9.3: all places are taken once, however often and to however many processes it is told', async () => {
  await start({ size: 5 });
  const batch = randomUUID();
  const handle = placesSubscriber(system.inventory);
  const others = [await another(), await another()];
  const told = requested(batch);
  await Promise.all([handle([told, told]), ...others.map((each) => each.handle([told]))]);
  await handle([told]);
  expect(await history()).toMatchObject([
    { type: 'PlacesTaken', data: { batch, amount: 3, quotas: [{ quota: HALL.quota, left: 2 }] }, actor: 'token:1' },
  ]);
  expect(await left()).toBe(2);
  // Too few for another, of whichever process, and that stays so when there are enough.
  const second = randomUUID();
  await Promise.all(others.map((each) => each.handle([requested(second)])));
  await handle([failed(batch)]);
  expect(await left()).toBe(5);
  await Promise.all([handle([requested(second)]), ...others.map((each) => each.handle([requested(batch)]))]);
  expect([await about(batch), await about(second)]).toEqual([['PlacesTaken', 'PlacesReturned'], ['PlacesRefused']]);
  expect(await left()).toBe(5);
  for (const each of others) await each.close();
});

test("a batch's own events keep their order: one that has failed already has its places returned", async () => {
  await start({ size: 5 });
  const batches = Array.from({ length: 20 }, () => randomUUID());
  await placesSubscriber(system.inventory)(batches.flatMap((batch) => [requested(batch), failed(batch)]));
  for (const batch of batches) {
    expect([['PlacesTaken', 'PlacesReturned'], ['PlacesRefused']]).toContainEqual(await about(batch));
  }
  expect((await history()).filter(({ type }) => type === 'PlacesTaken').length).toBeGreaterThan(0);
  expect(await left()).toBe(5);
});

test('§9.4: many batches at once take exactly what there is, beside carts, each all or nothing', async () => {
  await start({ size: 100 });
  const batches = Array.from({ length: 30 }, () => randomUUID());
  const handle = placesSubscriber(system.inventory);
  await Promise.all([handle(batches.map((batch) => requested(batch, { amount: 4 }))), reserve(30)]);
  const events = await history();
  const carts = events.filter(({ type }) => type === 'CartReserved').length;
  const taken = events.filter(({ type }) => type === 'PlacesTaken').length;
  expect(events.filter(({ type }) => type === 'PlacesRefused')).toHaveLength(30 - taken);
  expect(carts + 4 * taken).toBeGreaterThan(96);
  expect(await left()).toBe(100 - carts - 4 * taken);
});

test('§9.4: a quota that frees before a batch is decided on is not full', async () => {
  await start({ size: 5 });
  const [cart] = await reserve(3);
  const handle = placesSubscriber(system.inventory);
  const [first, second] = [randomUUID(), randomUUID()];
  await handle([requested(first)]);
  if (cart?.outcome !== 'reserved') throw new Error('not reserved');
  await system.inventory.reservations.release(where, cart.cart.id, { actor: 'token:1', trace: null });
  await handle([requested(second)]);
  expect([await about(first), await about(second)]).toEqual([['PlacesRefused'], ['PlacesTaken']]);
});

test('what sales decides beside that changes nothing here', async () => {
  await start({ size: 5 });
  const batch = randomUUID();
  const { comment: _comment, ...data } = { ...request, ...where, batch };
  await placesSubscriber(system.inventory)([
    delivered({ type: 'TicketsIssued', data: { batch, from: 0, first_position: 1_000_000_000, tickets: [] } }, 1),
    delivered({ type: 'BatchCreated', data: { ...data, first_position: 1_000_000_000 } }, 2),
    failed(batch),
  ]);
  expect(await history()).toEqual([]);
});

test('while the facts are older than what was decided meanwhile, the batch waits and no event is a poison event', async () => {
  await start({ size: 5 });
  const batch = randomUUID();
  await system.inventory.streams.transact(
    stream,
    () => ({
      result: undefined,
      events: [{ type: 'VoucherTermsChanged', data: { ...where, vouchers: [], facts_revision: 1_000 } }],
    }),
    { actor: 'token:1', trace: null },
  );
  const handle = placesSubscriber(system.inventory);
  await expect(handle([requested(batch)])).rejects.toBeInstanceOf(StoreUnavailable);
  expect(await about(batch)).toEqual([]);
  await system.inventoryFeeds.pool.query('update shop_revisions set revision = 1000');
  await handle([requested(batch)]);
  expect(await about(batch)).toEqual(['PlacesTaken']);
});
