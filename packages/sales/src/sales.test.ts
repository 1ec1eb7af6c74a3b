import type { Recorded } from '@gatehouse/events/envelope';
import { batchStream } from '@gatehouse/events/sales';
import { failBatch } from '@gatehouse/domain/batch';
import { until } from '@gatehouse/eventing/history-in-test';
import { replay } from '@gatehouse/eventing/projection';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import { READ_MODELS as INVENTORY_MODELS } from '@gatehouse/inventory/context';
import type { Feeds } from '@gatehouse/service/feeds';
import { HALL, hall, type Hall } from '@gatehouse/test-support/hall';
import { startSales, WANTED, type SalesSystem } from '@gatehouse/test-support/sales';
import { SHOP } from '@gatehouse/test-support/shop';
import type { JobState, Where } from './batches/find';
import { READ_MODELS as SALES_MODELS } from './context';
import type { By, WantedBatch } from './request';

const { where } = HALL;
const by: By = { actor: 'token:1', trace: null };

let system: SalesSystem;
afterEach(() => system.close());
const start = async (what: Hall = {}) => {
  system = await startSales();
  await system.import(hall(what));
};

const request = (more: Partial<WantedBatch> = {}, asker: By = by) =>
  system.sales.request(where, { ...WANTED, ...more }, asker);

/** What became of a job. */
async function ended(job: string): Promise<JobState> {
  let state: JobState | undefined;
  await until(async () => {
    state = await system.sales.finder.job(where, job);
    return state?.status === 'failed' || state?.status === 'succeeded';
  });
  return state!;
}
async function made(job: string) {
  const state = await ended(job);
  if (state.status !== 'succeeded') throw new Error(JSON.stringify(state));
  return state.batch;
}

async function history({ own, ownFeed }: Feeds): Promise<Recorded[]> {
  const events: Recorded[] = [];
  await replay(ownFeed, { from: own.start, until: await own.head() }, (some) =>
    Promise.resolve(void events.push(...some)),
  );
  return events;
}
const typesOf = async (feeds: Feeds) => (await history(feeds)).map(({ type }) => type);
const left = async () => {
  const states = await system.inventory.reservations.availability(where, [HALL.quota]);
  return states.get(HALL.quota)!.availability.left;
};

const FULL = 'There is not enough quota available on quota "Passes" to perform the operation.';

test('§9.3, §9.4: a batch has its places and as many orders', async () => {
  await start({ size: 5 });
  const batch = await made(await request());
  expect(batch).toMatchObject({ id: 1, item: SHOP.pass, variation: null, subevent: null, amount: 3, layout: 123 });
  expect(batch).toMatchObject({ testmode: false, sales_channel: 'web', comment: 'Box office' });
  expect(batch.orders.filter((code) => /^[A-Z0-9]{7}$/.test(code))).toHaveLength(3);
  expect(await left()).toBe(2);
});

test('§9.4: all or none; a batch that failed has taken no place', async () => {
  await start({ size: 5 });
  expect(await ended(await request({ amount: 6 }))).toEqual({ status: 'failed', message: FULL });
  expect(await left()).toBe(5);
  expect((await made(await request({ amount: 5 }))).orders).toHaveLength(5);
  expect(await ended(await request({ amount: 1 }))).toEqual({ status: 'failed', message: FULL });
  await system.settled();
  expect(await typesOf(system.inventoryFeeds)).toEqual(['PlacesRefused', 'PlacesTaken', 'PlacesRefused']);
});

test('§9.4: a product without a quota has the message of carts, and so has one that nobody knows', async () => {
  await start({ quota: { items: [] } });
  const messageOf = async (more: Partial<WantedBatch>, at: Where = where) => {
    const job = await system.sales.request(at, { ...WANTED, ...more }, by);
    let state: JobState | undefined;
    await until(async () => (state = await system.sales.finder.job(at, job))?.status === 'failed');
    return state?.status === 'failed' ? state.message : undefined;
  };
  const of = (name: string) => `The product "${name}" is not assigned to a quota.`;
  expect(await messageOf({})).toBe(of('Pass'));
  expect(await messageOf({ item: 4711 })).toBe(of('4711'));
  expect(await messageOf({ date: 5 })).toBe(of('Pass'));
  expect(await messageOf({}, { organizer: 'nobody', event: 'nowhere' })).toBe(of(String(SHOP.pass)));
  // Nothing is stuck.
  expect((await made(await request({ item: SHOP.addon, amount: 1_000 }))).orders).toHaveLength(1_000);
});

test('§9.4: one that is canceled before it is made has its places returned, and no ticket', async () => {
  await start({ size: 5 });
  const consumer = await system.salesFeeds.pool.connect();
  await consumer.query('begin');
  await consumer.query("select from checkpoints where name = 'tickets' and topic = 'inventory' for update");
  const job = await request({ amount: 5 });
  await until(async () => (await left()) === 0);
  await system.sales.batches.transact(batchStream(job), failBatch('Not needed.'), by);
  await until(async () => (await left()) === 5);
  await consumer.query('commit');
  consumer.release();
  expect(await ended(job)).toEqual({ status: 'failed', message: 'Not needed.' });
  expect((await made(await request({ amount: 5 }))).orders).toHaveLength(5);
  await system.settled();
  expect(await typesOf(system.inventoryFeeds)).toEqual(['PlacesTaken', 'PlacesReturned', 'PlacesTaken']);
});

test('a product that was imported a moment ago is waited for, before its batch is refused', async () => {
  await start({ quota: { items: [] } });
  const shopHolder = await system.inventoryFeeds.pool.connect();
  await shopHolder.query('begin');
  await shopHolder.query("select from checkpoints where name = 'catalog' and topic = 'reference' for update");
  const importing = system.import(hall({ size: 5 }));
  await until(async () => {
    const { rows } = await system.pool.query("select from reference.events where type = 'ImportFinished'");
    return rows.length === 2;
  });
  const job = await request();
  await new Promise((resolve) => setTimeout(resolve, 700));
  expect(await system.sales.finder.job(where, job)).toEqual({ status: 'waiting' });
  await shopHolder.query('commit');
  shopHolder.release();
  await made(job);
  await importing;
});

test('the read model is the same when it is made anew', async () => {
  await start({ size: 5 });
  await made(await request());
  await ended(await request());
  await system.settled();
  for (const [models, feeds] of [
    [SALES_MODELS, system.salesFeeds],
    [INVENTORY_MODELS, system.inventoryFeeds],
  ] as const) {
    for (const model of models) expect(await verifyReadModel(model, feeds, () => undefined)).toEqual([]);
  }
});
