import type { Ticket, TicketsIssued } from '@gatehouse/events/sales';
import { batchStream } from '@gatehouse/events/sales';
import { failBatch, TICKETS_AT_ONCE } from '@gatehouse/domain/batch';
import { StoreUnavailable, type ContextStore } from '@gatehouse/eventing/event-store';
import { batchStreams } from './batch-streams';
import { FULL, refused, salesInTest, taken, wanted, where, type SalesInTest } from './sales-in-test';
import { ticketsSubscriber } from './tickets';

let sales: SalesInTest;
beforeEach(async () => {
  sales = await salesInTest();
});
afterEach(() => sales.close());

const by = { actor: 'token:1', trace: null };
/** A little more than two chunks. */
const AMOUNT = 2 * TICKETS_AT_ONCE + 3;
const CHUNKS = [TICKETS_AT_ONCE, TICKETS_AT_ONCE, 3];

const typesOf = async () => (await sales.history()).map(({ type }) => type);
async function issued(job: string): Promise<TicketsIssued['data'][]> {
  const events = await sales.history();
  return events.flatMap((event) => (event.type === 'TicketsIssued' && event.data.batch === job ? [event.data] : []));
}
/** The batch is whole: every ticket once, at positions without a gap. */
async function expectWhole(job: string): Promise<void> {
  const chunks = await issued(job);
  expect(chunks.map(({ tickets }) => tickets.length)).toEqual(CHUNKS);
  expect(chunks.map(({ from }) => from)).toEqual([0, TICKETS_AT_ONCE, 2 * TICKETS_AT_ONCE]);
  const first = chunks[0]!.first_position;
  expect(chunks.map((chunk) => chunk.first_position - chunk.from)).toEqual([first, first, first]);
  const tickets = chunks.flatMap((chunk) => chunk.tickets);
  for (const what of ['code', 'secret', 'pseudonymization_id'] as const satisfies (keyof Ticket)[]) {
    expect(new Set(tickets.map((ticket) => ticket[what])).size).toBe(AMOUNT);
  }
  const ends = (await sales.history()).filter(({ type }) => type === 'BatchCreated' || type === 'BatchFailed');
  expect(ends).toMatchObject([{ type: 'BatchCreated', data: { batch: job, amount: AMOUNT, first_position: first } }]);
}

test('§9.4: a batch with places gets its tickets, in chunks, and nothing more when that is told again', async () => {
  const job = await sales.request(where, wanted({ amount: AMOUNT }), by);
  const handle = ticketsSubscriber(sales);
  const told = taken(job, AMOUNT);
  await handle([told, told]);
  await handle([told]);
  await ticketsSubscriber(await sales.another())([told]);
  await expectWhole(job);
  // Nothing was used up by the repeats.
  const { rows } = await sales.pool.query('select count(*)::integer as codes from order_codes');
  expect(rows).toEqual([{ codes: AMOUNT }]);
});

test('two processes that are told at the same time make one batch of it', async () => {
  const job = await sales.request(where, wanted({ amount: AMOUNT }), by);
  const others = [sales, await sales.another(), await sales.another()];
  await Promise.all(others.map((each) => ticketsSubscriber(each)([taken(job, AMOUNT)])));
  await expectWhole(job);
});

/** A store of a process that is killed at its nth append: before it is written, or after it, without hearing so. */
function killedAt(store: ContextStore, nth: number, when: 'before' | 'after'): ContextStore {
  let appends = 0;
  return {
    ...store,
    async append(stream, expected, events) {
      if (++appends === nth && when === 'before') throw new StoreUnavailable('killed');
      const position = await store.append(stream, expected, events);
      if (appends >= nth) throw new StoreUnavailable('killed');
      return position;
    },
  };
}

describe('a process that is killed while it issues', () => {
  test.each([1, 2, 3].flatMap((nth) => [['before', nth] as const, ['after', nth] as const]))(
    '%s append %i: another goes on where it was',
    async (when, nth) => {
      const job = await sales.request(where, wanted({ amount: AMOUNT }), by);
      const killed = { ...sales, batches: batchStreams(killedAt(sales.store, nth, when)) };
      await expect(ticketsSubscriber(killed)([taken(job, AMOUNT)])).rejects.toBeInstanceOf(StoreUnavailable);
      const before = await issued(job);
      expect(before).toHaveLength(when === 'before' ? nth - 1 : nth);
      await ticketsSubscriber(await sales.another())([taken(job, AMOUNT)]);
      expect((await issued(job)).slice(0, before.length)).toEqual(before);
      await expectWhole(job);
    },
  );
});

test('§9.4: without places a batch fails with the message of the quota, once', async () => {
  const job = await sales.request(where, wanted(), by);
  const handle = ticketsSubscriber(sales);
  await handle([refused(job, 3), refused(job, 3)]);
  await ticketsSubscriber(await sales.another())([refused(job, 3)]);
  expect(await sales.history()).toMatchObject([
    { type: 'BatchRequested' },
    { type: 'BatchFailed', data: { ...where, batch: job, amount: 3, message: FULL }, actor: 'token:1' },
  ]);
});

test('a batch that was canceled gets no tickets, one that is created is not canceled, an unknown one is nobody', async () => {
  const [canceled, created] = [await sales.request(where, wanted(), by), await sales.request(where, wanted(), by)];
  await sales.batches.transact(batchStream(canceled), failBatch('Not needed.'), by);
  await ticketsSubscriber(sales)([taken(canceled, 3), taken(created, 3)]);
  await sales.batches.transact(batchStream(created), failBatch('Not needed.'), by);
  await ticketsSubscriber(sales)([taken('29891ede-196f-4942-9e26-d055a36e98b8', 3)]);
  expect((await typesOf()).slice(2)).toEqual(['BatchFailed', 'TicketsIssued', 'BatchCreated']);
});

test('one that is canceled in the middle has no valid ticket', async () => {
  const job = await sales.request(where, wanted({ amount: AMOUNT }), by);
  const killed = { ...sales, batches: batchStreams(killedAt(sales.store, 1, 'after')) };
  await expect(ticketsSubscriber(killed)([taken(job, AMOUNT)])).rejects.toBeInstanceOf(StoreUnavailable);
  await sales.batches.transact(batchStream(job), failBatch('Not needed.'), by);
  await ticketsSubscriber(sales)([taken(job, AMOUNT)]);
  expect(await typesOf()).toEqual(['BatchRequested', 'TicketsIssued', 'BatchFailed']);
  await sales.project();
  expect(await sales.finder.job(where, job)).toEqual({ status: 'failed', message: 'Not needed.' });
  expect(await sales.finder.tickets(job, 0, AMOUNT)).toEqual([]);
});
