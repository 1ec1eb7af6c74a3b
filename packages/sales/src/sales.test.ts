import { randomUUID } from 'node:crypto';
import type { Recorded } from '@gatehouse/events/envelope';
import { until } from '@gatehouse/eventing/history-in-test';
import { replay } from '@gatehouse/eventing/projection';
import type { Feeds } from '@gatehouse/service/feeds';
import { HALL, hall, type Hall } from '@gatehouse/test-support/hall';
import { startSales, type SalesSystem } from '@gatehouse/test-support/sales';
import { SHOP } from '@gatehouse/test-support/shop';
import type { JobState } from './batches/find';
import type { By, WantedBatch } from './request';

const { where } = HALL;
const by: By = { actor: 'token:1', trace: null };

let system: SalesSystem;
afterEach(() => system.close());
const start = async (what: Hall = {}) => {
  system = await startSales();
  await system.import(hall(what));
};

const WANTED: WantedBatch = {
  ...{ item: SHOP.pass, variation: null, date: null, layout: 123, amount: 3 },
  ...{ sales_channel: 'web', testmode: false, comment: 'Box office', locale: 'en' },
  ...{ price: '10.00', tax_rate: '19.00', tax_value: '1.60', tax_rule: null },
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
  await replay(ownFeed, { from: own.start, until: await own.head() }, (some) => Promise.resolve(void events.push(...some)));
  return events;
}
const typesOf = async (feeds: Feeds) => (await history(feeds)).map(({ type }) => type);
const left = async () => {
  const states = await system.inventory.reservations.availability(where, [HALL.quota]);
  return states.get(HALL.quota)!.availability.left;
};

test('§9.3, §9.4: a batch has its places and as many orders, in the order of its tickets', async () => {
  await start({ size: 5 });
  const job = await request();
  const batch = await made(job);
  expect(batch).toMatchObject({ id: 1, job, item: SHOP.pass, variation: null, subevent: null, amount: 3, layout: 123 });
  expect(batch).toMatchObject({ testmode: false, sales_channel: 'web', comment: 'Box office' });
  expect(new Set(batch.orders).size).toBe(3);
  expect(await left()).toBe(2);
});
