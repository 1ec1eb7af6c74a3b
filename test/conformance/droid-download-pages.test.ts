import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { droid } from '@gatehouse/test-support/droid';
import { order, position } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* A download of several pages, read while others are packed: all tickets, each once, in order (contract §3.5). */

const KEY = 'DroidKey';
const LIST = 1;

/** Every third order has two tickets, so that the order of tickets is not that of their ids. */
function orders(tickets: number) {
  const rows: ReturnType<typeof order>[] = [];
  for (let id = 1; id <= tickets;) {
    const positions = [id, id + 1].slice(0, id % 4 === 1 ? 2 : 1).filter((each) => each <= tickets);
    rows.push(
      order(
        `P${id}`,
        {},
        positions.map((each) => position({ id: each, secret: `secret${each}` }, { item: 1 })),
      ),
    );
    id += positions.length;
  }
  return rows;
}

const exportOf = (rows: ReturnType<typeof orders>) => ({
  'organizer.json': { slug: 'demo', name: 'Demo' },
  'events/big/event.json': { slug: 'big', name: { en: 'Big' }, timezone: 'UTC' },
  'events/big/items.json': [{ id: 1, name: { en: 'Pass' }, admission: true, default_price: '1.00' }],
  'events/big/checkinlists.json': [{ id: LIST, name: 'Gate', all_products: true, limit_products: [] }],
  'events/big/droidkeys.json': [{ key: KEY, checkin_list: LIST }],
  'events/big/orders.ndjson': rows,
});

let system: System;
beforeEach(async () => {
  system = await startSystem([legacyDroid]);
});
afterEach(() => system.close());

test.each([0, 501, 2_000, 2_001])('%i tickets', async (tickets) => {
  const rows = orders(tickets);
  await system.import(exportOf(rows));
  const { body } = await droid({ call: (...args) => system.call(...args) }, 'demo/big', KEY).get('download/');
  const expected = rows
    .flatMap(({ positions }) => positions)
    .sort((a, b) => a.positionid - b.positionid || a.id - b.id)
    .map(({ secret }) => secret);
  expect(expected).toHaveLength(tickets);
  expect((body as { results: { secret: string }[] }).results.map(({ secret }) => secret)).toEqual(expected);
});
