import { randomUUID } from 'node:crypto';
import { salesInTest, wanted, where, type SalesInTest } from './sales-in-test';

let sales: SalesInTest;
beforeEach(async () => {
  sales = await salesInTest();
});
afterEach(() => sales.close());

const by = { actor: 'token:1', trace: null };

test('§9.3: a batch that is requested is history, with a number and a time of its own', async () => {
  const jobs = [await sales.request(where, wanted(), by), await sales.request(where, wanted({ amount: 5 }), by)];
  const events = await sales.history();
  expect(events.map(({ stream }) => stream)).toEqual(jobs.map((job) => `batch-${job}`));
  expect(events).toMatchObject([
    { type: 'BatchRequested', actor: 'token:1', data: { ...where, ...wanted(), batch: jobs[0], id: 1 } },
    { type: 'BatchRequested', data: { amount: 5, batch: jobs[1], id: 2 } },
  ]);
  for (const { data, time } of events) {
    const { datetime } = data as { datetime: string };
    expect(Math.abs(Date.parse(time) - Date.parse(datetime))).toBeLessThan(60_000);
  }
});

test('§9.4, §1.10: the same idempotency key makes no second batch, at whichever processes at once', async () => {
  const asker = { ...by, request: randomUUID() };
  const processes = [sales, await sales.another(), await sales.another()];
  const jobs = await Promise.all(
    Array.from({ length: 12 }, (_, n) => processes[n % 3]!.request(where, wanted(), asker)),
  );
  expect(new Set(jobs).size).toBe(1);
  const events = await sales.history();
  expect(events).toHaveLength(1);
  // Every process knows the batch as it is in the history.
  for (const each of processes) {
    const { state } = await each.batches.read(events[0]!.stream);
    expect(state).toMatchObject({ status: 'open', request: events[0]!.data });
  }
  expect(await sales.request(where, wanted(), { ...by, request: randomUUID() })).not.toBe(jobs[0]);
});
