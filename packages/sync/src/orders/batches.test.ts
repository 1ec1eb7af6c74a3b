import { randomUUID } from 'node:crypto';
import { batchStream, sales, type BatchEvent } from '@gatehouse/events/sales';
import type { Envelope } from '@gatehouse/events/envelope';
import { batch as decider, issueTickets, requestBatch, TICKETS_AT_ONCE, type Batch } from '@gatehouse/domain/batch';
import { FIRST, request, ticketsFrom } from '@gatehouse/domain/batch-in-test';
import { fold } from '@gatehouse/domain/decider';
import { historyInTest, type HistoryInTest } from '@gatehouse/eventing/history-in-test';
import { inTransaction } from '@gatehouse/eventing/postgres';
import { installReadModel } from '@gatehouse/eventing/read-model';
import type { Pool } from 'pg';
import { orderFinder } from './find';
import { ordersModel } from './read-model';

let history: HistoryInTest;
let pool: Pool;
beforeAll(async () => {
  history = await historyInTest();
  ({ pool } = history.open());
  await installReadModel(ordersModel, { pool, schema: 'admission', feeds: new Map() });
});
afterAll(() => history.close());

/** The history of a created batch: its tickets `chunk` in an event. */
function eventsOf(amount: number, first: number, chunk: number): Envelope[] {
  const job = randomUUID();
  const events: BatchEvent[] = [...requestBatch({ ...request, batch: job, amount })(decider.initial).events];
  for (let from = 0; from < amount; from += chunk) {
    const issued = issueTickets(from, ticketsFrom(first + from, Math.min(chunk, amount - from)), FIRST + first);
    events.push(...issued(fold<Batch, BatchEvent>(decider, events)).events);
  }
  const about = { stream: batchStream(job), time: '2027-06-20T10:00:00Z', actor: 'test:1', trace: null };
  return events.map((event, revision) => ({ ...sales.write(event), ...about, id: randomUUID(), revision }));
}

const take = (events: readonly Envelope[]) => inTransaction(pool, (tx) => ordersModel.handles.sales!(tx, events));
const EVENT = `${request.organizer}/${request.event}`;
const orders = () => orderFinder(pool).page(EVENT, { sort: [], offset: 0, limit: 5 });

test('ten thousand orders are written in small statements, but none for each (contract §9)', async () => {
  const amount = 10_000;
  const events = eventsOf(amount, 0, TICKETS_AT_ONCE);
  let statements = 0;
  let longest = 0;
  await inTransaction(pool, (tx) => {
    const counting = {
      query(...asked: unknown[]) {
        statements += 1;
        const { values: [rows] = [] } = asked[0] as { values?: unknown[] };
        if (typeof rows === 'string' && rows.startsWith('[')) {
          longest = Math.max(longest, (JSON.parse(rows) as unknown[]).length);
        }
        return (tx.query as (...all: unknown[]) => unknown)(...asked);
      },
    };
    return ordersModel.handles.sales!(counting as unknown as typeof tx, events);
  });
  expect((await orders()).count).toBe(amount);
  expect(statements).toBeLessThan(amount / 40);
  // Requests of the same process wait while a statement is made.
  expect(longest).toBeLessThanOrEqual(500);
});

test('a batch in several deliveries, and one that comes again', async () => {
  const { count, seen } = await orders();
  const events = eventsOf(5, 20_000, 3);
  await take(events.slice(0, 2));
  await take(events.slice(1, 3));
  expect((await orders()).count).toBe(count);
  await take(events.slice(3));
  const after = await orders();
  expect(after.count).toBe(count + 5);
  expect(after.seen! > seen!).toBe(true);
  await take(events);
  expect(await orders()).toEqual(after);
});

test('a batch of which some tickets are missing is not taken', async () => {
  const before = await orders();
  const events = eventsOf(5, 30_000, 3);
  await expect(take(events.filter((_event, i) => i !== 1))).rejects.toThrow('from number 0 on are missing');
  expect(await orders()).toEqual(before);
});
