import type { Recorded } from '@gatehouse/events/envelope';
import { batchStream } from '@gatehouse/events/sales';
import { failBatch, issueTickets, TICKETS_AT_ONCE } from '@gatehouse/domain/batch';
import { FIRST, ticketsFrom } from '@gatehouse/domain/batch-in-test';
import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import { publishedUpTo } from '@gatehouse/eventing/relay';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import type { WantedBatch } from '../request';
import { salesInTest, taken, wanted, where, type SalesInTest } from '../sales-in-test';
import { ticketsSubscriber } from '../tickets';
import { batchFinder } from './find';
import { batchesModel } from './read-model';

let sales: SalesInTest;
beforeEach(async () => {
  sales = await salesInTest();
});
afterEach(() => sales.close());

const by = { actor: 'token:1', trace: null };
const request = (more: Partial<WantedBatch> = {}) => sales.request(where, wanted(more), by);

async function made(more: Partial<WantedBatch> = {}): Promise<string> {
  const job = await request(more);
  await ticketsSubscriber(sales)([taken(job, more.amount ?? 3)]);
  await sales.project();
  return job;
}
const issue = (job: string, from: number, count: number) =>
  sales.batches.transact(batchStream(job), issueTickets(from, ticketsFrom(from, count), FIRST), by);
const codes = (from: number, count: number) => ticketsFrom(from, count).map(({ code }) => code);

test('§9.1: a batch as it was requested, with the codes of its orders in the order of its tickets', async () => {
  const comment = 'Box office';
  const job = await request({ amount: TICKETS_AT_ONCE + 2, item: 4, variation: 7, date: 9, testmode: true, comment });
  await issue(job, 0, TICKETS_AT_ONCE);
  await issue(job, TICKETS_AT_ONCE, 2);
  await sales.project();
  const [requested] = await sales.history();
  const row = {
    ...{
      id: 1,
      job,
      creation: (requested!.data as { datetime: string }).datetime,
      testmode: true,
      sales_channel: 'web',
    },
    ...{ comment, layout: 123, subevent: 9, item: 4, variation: 7, amount: TICKETS_AT_ONCE + 2 },
  };
  expect(await sales.finder.find(where, 1)).toEqual({ ...row, orders: codes(0, TICKETS_AT_ONCE + 2) });
  expect(await sales.finder.page(where, { offset: 0, limit: 50 })).toEqual({ count: 1, rows: [row] });
  expect(await sales.finder.find({ ...where, event: 'other' }, 1)).toBeUndefined();
  expect(await sales.finder.find(where, 2)).toBeUndefined();
});

test('§9.4: a batch is in the list only after its success', async () => {
  await request();
  const failed = await request();
  await sales.batches.transact(batchStream(failed), failBatch('Full.'), by);
  await sales.project();
  expect(await sales.finder.page(where, { offset: 0, limit: 50 })).toEqual({ count: 0, rows: [] });
  expect(await sales.finder.find(where, 1)).toBeUndefined();
  expect(await sales.finder.find(where, 2)).toBeUndefined();
});

test('a page of the list, in the order that is asked for', async () => {
  for (let n = 0; n < 5; n++) await made();
  const ids = async (asked: Parameters<typeof sales.finder.page>[1]) => {
    const { count, rows } = await sales.finder.page(where, asked);
    return [count, ...rows.map(({ id }) => id)];
  };
  expect(await ids({ offset: 0, limit: 2 })).toEqual([5, 1, 2]);
  expect(await ids({ offset: 4, limit: 2 })).toEqual([5, 5]);
  expect(await ids({ offset: 9, limit: 2 })).toEqual([5]);
  expect(await ids({ offset: 1, limit: 3, ordering: { by: 'creation', descending: true } })).toEqual([5, 4, 3, 2]);
  expect(await ids({ offset: 0, limit: 1, ordering: { by: 'id', descending: true } })).toEqual([5, 5]);
});

test('§9.4: a job waits, runs, and has succeeded; nobody else knows it', async () => {
  const { finder } = sales;
  const job = await request({ amount: 2 * TICKETS_AT_ONCE });
  // It is history, but not in the read model yet: the finder waits for that, and says when it takes too long.
  await expect(finder.job(where, job)).rejects.toBeInstanceOf(StoreUnavailable);
  await sales.project();
  expect(await finder.job(where, job)).toEqual({ status: 'waiting' });
  await issue(job, 0, TICKETS_AT_ONCE);
  await sales.project();
  expect(await finder.job(where, job)).toEqual({ status: 'running', percentage: 50 });
  await issue(job, TICKETS_AT_ONCE, TICKETS_AT_ONCE);
  await sales.project();
  const batch = await finder.find(where, 1);
  expect(batch?.orders).toEqual(codes(0, 2 * TICKETS_AT_ONCE));
  expect(await finder.job(where, job)).toEqual({ status: 'succeeded', batch });
  expect(await finder.job(where, job)).toEqual({ status: 'succeeded', batch });
});

test('§9.4: of another event, unknown, or no UUID at all', async () => {
  const { finder } = sales;
  const known = await made();
  const upToDate = batchFinder({
    pool: sales.pool,
    caughtUp: () => Promise.resolve(true),
    hasLeft: () => Promise.resolve(true),
  });
  for (const job of ['29891ede-196f-4942-9e26-d055a36e98b8', known.toUpperCase()]) {
    if (job !== known) expect(await upToDate.job(where, job)).toBeUndefined();
  }
  expect(await upToDate.job({ ...where, organizer: 'other' }, known)).toBeUndefined();
  for (const job of ['', '1', "' or 1=1", 'a\0b', `${known}0`]) expect(await finder.job(where, job)).toBeUndefined();
});

test('§9.4: the answer is forgotten 24 hours after the end, the batch is not', async () => {
  const [created, failed] = [await made(), await request()];
  await sales.batches.transact(batchStream(failed), failBatch('Full.'), by);
  await sales.project();
  const age = (text: string) => sales.pool.query(`update batches set ended = ended - $1::interval`, [text]);
  await age('23 hours 59 minutes');
  expect(await sales.finder.job(where, created)).toMatchObject({ status: 'succeeded' });
  expect(await sales.finder.job(where, failed)).toEqual({ status: 'failed', message: 'Full.' });
  await age('1 minute');
  expect(await sales.finder.job(where, created)).toBeUndefined();
  expect(await sales.finder.job(where, failed)).toBeUndefined();
  expect(await sales.finder.find(where, 1)).toMatchObject({ job: created });
});

test('§9.4: with a relay a job has succeeded when what it made was published', async () => {
  const job = await made();
  const { pool, store } = sales;
  const relayed = batchFinder({
    pool,
    caughtUp: (models) => sales.caughtUp(models),
    hasLeft: publishedUpTo(pool, { ...store, topic: 'sales' }),
  });
  const publishedTo = (position: string) =>
    pool.query(
      `insert into checkpoints (name, topic, position) values ('relay', 'sales', $1)
       on conflict (name, topic, partition) do update set position = excluded.position`,
      [position],
    );
  const almost = { status: 'running', percentage: 100 };
  expect(await relayed.job(where, job)).toEqual(almost);
  const [requested] = (await sales.history()) as unknown as Recorded[];
  await publishedTo(requested!.position);
  expect(await relayed.job(where, job)).toEqual(almost);
  await publishedTo(await store.head());
  expect(await relayed.job(where, job)).toMatchObject({ status: 'succeeded' });
  await made();
  expect(await relayed.job(where, job)).toMatchObject({ status: 'succeeded' });
});

test('tickets from any place to any other, over the bounds of chunks', async () => {
  const amount = 2 * TICKETS_AT_ONCE + 10;
  const job = await request({ amount, locale: 'de', price: '12.50' });
  for (const from of [0, TICKETS_AT_ONCE]) await issue(job, from, TICKETS_AT_ONCE);
  await sales.project();
  expect(await sales.finder.tickets(job, 0, 10)).toEqual([]);
  await issue(job, 2 * TICKETS_AT_ONCE, 10);
  await sales.project();
  const expected = (from: number, count: number) =>
    ticketsFrom(from, count).map((ticket, i) => ({
      ...ticket,
      position: FIRST + from + i,
      price: '12.50',
      locale: 'de',
    }));
  const at = async (from: number, count: number) => sales.finder.tickets(job, from, count);
  expect(await at(0, 3)).toEqual(expected(0, 3));
  expect(await at(TICKETS_AT_ONCE - 1, 2)).toEqual(expected(TICKETS_AT_ONCE - 1, 2));
  expect(await at(TICKETS_AT_ONCE, 1)).toEqual(expected(TICKETS_AT_ONCE, 1));
  expect(await at(TICKETS_AT_ONCE - 5, TICKETS_AT_ONCE + 10)).toEqual(
    expected(TICKETS_AT_ONCE - 5, TICKETS_AT_ONCE + 10),
  );
  expect(await at(amount - 2, 100)).toEqual(expected(amount - 2, 2));
  expect(await at(amount, 100)).toEqual([]);
});

test('the read model equals a replay, however often events were applied', async () => {
  await made({ amount: TICKETS_AT_ONCE + 1 });
  const failed = await request();
  await sales.batches.transact(batchStream(failed), failBatch('Full.'), by);
  await request();
  for (let n = 0; n < 2; n++) await sales.project();
  await sales.pool.query(`insert into checkpoints (name, topic, position) values ('batches', 'sales', $1)`, [
    await sales.store.head(),
  ]);
  expect(await verifyReadModel(batchesModel, sales.feeds, () => undefined)).toEqual([]);
  await sales.pool.query(`update batches set comment = 'another' where id = 1`);
  expect(await verifyReadModel(batchesModel, sales.feeds, () => undefined)).toMatchObject([{ table: 'batches' }]);
});
