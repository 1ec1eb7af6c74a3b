import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Envelope } from '@gatehouse/events/envelope';
import { referenceStream, type OrderFact } from '@gatehouse/events/reference';
import { historyInTest, type HistoryInTest } from '@gatehouse/eventing/history-in-test';
import { inTransaction } from '@gatehouse/eventing/postgres';
import { installReadModel } from '@gatehouse/eventing/read-model';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { ordersModel } from './read-model';

let history: HistoryInTest;
let pool: Pool;
beforeAll(async () => {
  history = await historyInTest({ context: 'sync' });
  ({ pool } = history.open());
  await installReadModel(ordersModel, { pool, schema: 'sync', feeds: new Map() });
});
afterAll(() => history.close());

const SAMPLE = join(__dirname, '..', '..', '..', 'events', 'samples', 'OrderStated.v1.json');
const sample = JSON.parse(readFileSync(SAMPLE, 'utf8')) as { type: string; version: number; data: OrderFact };

/** What the shop says of an order, one time after the other: the tickets that it has. */
type Said = { readonly order: number; readonly tickets: readonly number[] };

function eventsOf(said: readonly Said[], first: number): Envelope[] {
  const revisions = new Map<string, number>();
  return said.map(({ order, tickets }) => {
    const code = `ORDER${order}`;
    const positions = tickets.map((ticket) => ({ ...sample.data.positions[0]!, id: first + ticket }));
    const data = { ...sample.data, organizer: `demo${first}`, code, positions };
    const stream = referenceStream({ type: 'OrderStated', data });
    const revision = revisions.get(stream) ?? 0;
    revisions.set(stream, revision + 1);
    const about = { id: randomUUID(), stream, revision, time: '2027-06-20T10:00:00Z', actor: 'test:1', trace: null };
    return { ...sample, data, ...about };
  });
}

/** The owners of the tickets after the events came in these portions; as an offset from `first`. */
async function ownersOf(events: readonly Envelope[], portions: readonly number[], first: number) {
  await pool.query('truncate orders, ticket_orders, shown_orders, order_texts, order_tallies');
  let from = 0;
  for (const portion of [...portions, events.length]) {
    const part = events.slice(from, (from += portion));
    await inTransaction(pool, (tx) => ordersModel.handles.reference!(tx, part));
  }
  const { rows } = await pool.query<{ ticket: number; code: string }>(
    `select ticket - $1 as ticket, split_part(stream, '/', 2) as code from ticket_orders order by ticket`,
    [first],
  );
  return rows;
}

test('a ticket that its order no longer names is of no order', async () => {
  const said = [
    { order: 1, tickets: [1, 2] },
    { order: 1, tickets: [2] },
  ];
  for (const portions of [[], [1]]) {
    expect(await ownersOf(eventsOf(said, 4_000), portions, 4_000)).toEqual([{ ticket: 2, code: 'ORDER1' }]);
  }
});

test('a ticket that went to another order stays there when its former order no longer names it', async () => {
  const said = [
    { order: 1, tickets: [1] },
    { order: 2, tickets: [1] },
    { order: 1, tickets: [] },
  ];
  for (const portions of [[], [1], [1, 1], [2]]) {
    expect(await ownersOf(eventsOf(said, 5_000), portions, 5_000)).toEqual([{ ticket: 1, code: 'ORDER2' }]);
  }
});

test('a ticket that several orders no longer name at once is of no order', async () => {
  const said = [
    { order: 1, tickets: [1] },
    { order: 0, tickets: [1] },
    { order: 1, tickets: [] },
    { order: 0, tickets: [] },
  ];
  for (const portions of [[], [1, 1], [2], [1]]) {
    expect(await ownersOf(eventsOf(said, 7_000), portions, 7_000)).toEqual([]);
  }
});

test('whatever the shop says, and however much of it is applied at once, the rows are the same', async () => {
  const said = fc.record({ order: fc.nat(2), tickets: fc.uniqueArray(fc.nat(3), { maxLength: 4 }) });
  await fc.assert(
    fc.asyncProperty(
      fc.array(said, { minLength: 2, maxLength: 8 }),
      fc.array(fc.nat(3), { maxLength: 6 }),
      async (all, portions) => {
        const events = eventsOf(all, 6_000);
        const oneByOne = await ownersOf(
          events,
          events.map(() => 1),
          6_000,
        );
        expect(await ownersOf(events, [], 6_000)).toEqual(oneByOne);
        expect(await ownersOf(events, portions, 6_000)).toEqual(oneByOne);
      },
    ),
    { numRuns: 60 },
  );
});
