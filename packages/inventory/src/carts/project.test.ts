import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { Envelope } from '@gatehouse/events/envelope';
import { inventory as catalog, inventoryStream, type InventoryEvent } from '@gatehouse/events/inventory';
import { fold } from '@gatehouse/domain/decider';
import { earlier, instantOf, type Instant } from '@gatehouse/domain/instant';
import { inventory, restore, snapshotOf, type Inventory } from '@gatehouse/domain/inventory';
import { reserved } from '@gatehouse/domain/inventory-in-test';
import { coveredUntil } from '@gatehouse/domain/ledger';
import { find, sizeOf } from '@gatehouse/domain/ordered';
import { historyInTest, type HistoryInTest } from '@gatehouse/eventing/history-in-test';
import { inTransaction, migrate } from '@gatehouse/eventing/postgres';
import { postgresStore } from '@gatehouse/eventing/postgres-store';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { installReadModel, verifyReadModel } from '@gatehouse/eventing/read-model';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { projectCarts } from './project';
import { cartsModel } from './read-model';
import { storedInventory } from './state';

/*
 * Whatever happens to an event's inventory, and however its history is cut into batches: the rows give the state that folding it gives,
 * and the tables are the same.
 */

let history: HistoryInTest;
let pool: Pool;
let inlineStore: ContextStore;
beforeAll(async () => {
  history = await historyInTest({ context: 'inventory' });
  const opened = history.open();
  ({ pool } = opened);
  inlineStore = postgresStore({ pool, context: 'inventory', listener: opened.listener, inline: [cartsModel] });
  await migrate(pool, 'inventory', join(__dirname, '..', '..', 'sql'));
  await installReadModel(cartsModel, { pool, schema: 'inventory', feeds: new Map() });
});
afterAll(() => history.close());
// Only the clock that a store reads is ours.
beforeEach(() => jest.useFakeTimers({ now: Date.now(), doNotFake: TIMERS }));
afterEach(() => jest.useRealTimers());
beforeEach(() => pool.query(`truncate ${cartsModel.tables.map(({ name }) => name).join()}`));

const TIMERS = [
  ...(['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
  ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
];
const EVENTS = ['openair', 'hall'] as const;
const DAY = 24 * 60;
const at = (minute: number): Instant => instantOf(Date.UTC(2027, 5, 1, 8) + minute * 60_000, minute % 3);

type Step = { readonly kind: number; readonly event: 0 | 1; readonly n: number; readonly minutes: number };
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.nat(11),
  event: fc.constantFrom(0, 1),
  n: fc.nat(7),
  minutes: fc.constantFrom(0, 0, 1, 20, 40, 3 * DAY, 15 * DAY),
});

/** What may happen, as a decision could have it: nothing is released twice, and only what is held expires. */
function historyOf(steps: readonly Step[]): Envelope[] {
  const states = new Map<string, { state: Inventory; length: number }>();
  const facts = new Map<string, number>();
  const all: Envelope[] = [];
  let minute = 0;
  let id = 1_000_000_000;
  for (const { kind, event: index, n, minutes } of steps) {
    minute += minutes;
    const event = EVENTS[index];
    const where = { organizer: 'demo', event };
    const { state, length } = states.get(event) ?? { state: inventory.initial, length: 0 };
    const facts_revision = (facts.get(event) ?? 0) + (n % 2);
    facts.set(event, facts_revision);
    for (const fact of factsOf({ kind, n, state, where, now: at(minute), id: id++, facts_revision })) {
      const before = states.get(event) ?? { state, length };
      all.push({
        ...catalog.write(fact),
        id: randomUUID(),
        stream: inventoryStream('demo', event),
        revision: before.length,
        time: instantOf(Date.parse(at(minute))),
        actor: 'test:1',
        trace: null,
      });
      states.set(event, { state: inventory.evolve(before.state, fact), length: before.length + 1 });
    }
  }
  return all;
}

type Situation = {
  kind: number;
  n: number;
  state: Inventory;
  where: { organizer: string; event: string };
  now: Instant;
  id: number;
  facts_revision: number;
};

function factsOf({ kind, n, state, where, now, id, facts_revision }: Situation): InventoryEvent[] {
  const held = snapshotOf(state).held;
  const voucher = [null, 17, 18][n % 3]!;
  const expires = instantOf(Date.parse(now) + (n - 2) * 15 * 60_000, n);
  const covered_until = voucher === 18 ? coveredUntil(expires, { blocks: true, valid_until: null }) : null;
  switch (kind) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const { data } = reserved({ ...where, id, voucher, expires, datetime: now, covered_until, facts_revision });
      return [
        {
          type: 'CartReserved',
          data: { ...data, cart_id: n === 5 ? 'elsewhere' : `c${n}@api`, request: n > 3 ? `r${id}/0` : null },
        },
      ];
    }
    case 4:
    case 5: {
      const cart = held[n % Math.max(1, held.length)];
      if (!cart) return [];
      const { covered: _covered, request: _request, ...about } = cart;
      const data = { ...where, ...about, imported: false, datetime: now };
      return [{ type: 'CartReleased', data }];
    }
    case 6: {
      // One that has expired, or of the shop.
      if (find(state.released, n)) return [];
      const about = { id: n, cart_id: 'shop@api', item: 3, variation: null, date: null, voucher, seat: null, expires };
      return [
        {
          type: 'CartReleased',
          data: { ...where, ...about, imported: n % 2 === 0, datetime: now },
        },
      ];
    }
    case 7:
    case 8:
      return held
        .filter((cart) => earlier(cart.expires, now))
        .slice(0, n + 1)
        .map(({ covered: _covered, request: _request, ...cart }) => ({
          type: 'CartExpired',
          data: { ...where, ...cart },
        }));
    case 9:
      return [{ type: 'QuotaClosed', data: { ...where, quota: n % 3, quota_revision: n, datetime: now } }];
    case 10: {
      const terms = { blocks: n % 2 === 0, valid_until: n > 4 ? expires : null };
      return [
        {
          type: 'VoucherTermsChanged',
          data: { ...where, vouchers: [{ voucher: 17 + (n % 2), ...terms }], facts_revision },
        },
      ];
    }
    default: {
      const batch = `batch ${n}`;
      const known = find(state.batches, batch);
      const about = { ...where, batch, item: 3, variation: null, date: n > 4 ? 1 : null, amount: n };
      if (known) return known.places === 'taken' ? [{ type: 'PlacesReturned', data: about }] : [];
      if (n % 3 !== 0) return [{ type: 'PlacesTaken', data: { ...about, datetime: now, quotas: [] } }];
      const why = { reason: 'no_quota', quota: null, message: 'None.' };
      return [{ type: 'PlacesRefused', data: { ...about, ...why, datetime: now } }];
    }
  }
}

async function apply(events: readonly Envelope[], cuts: readonly number[]): Promise<void> {
  await pool.query(`truncate ${cartsModel.tables.map(({ name }) => name).join()}`);
  const ends = [...new Set([...cuts.map((cut) => cut % (events.length + 1)), events.length])].sort((a, b) => a - b);
  let from = 0;
  for (const end of ends) {
    // Some of a batch come a second time, as they do after a crash.
    const batch = events.slice(Math.max(0, from - 2), end);
    await inTransaction(pool, (tx) => projectCarts(tx, batch));
    from = end;
  }
}

/** Appends events as deciders do, those of one stream and time together, and no projection runs: appends alone fill the tables. */
async function append(events: readonly Envelope[], cuts: readonly number[]): Promise<void> {
  await pool.query(`truncate events, ${cartsModel.tables.map(({ name }) => name).join()}`);
  await pool.query(
    `insert into checkpoints (name, topic, position) values ('carts', 'inventory', '0')
     on conflict (name, topic, partition) do update set position = excluded.position`,
  );
  let group: Envelope[] = [];
  const writeGroup = async () => {
    if (group.length === 0) return;
    jest.setSystemTime(Date.parse(group[0]!.time));
    // Streams that are appended to at the same moment share a commit.
    const streams = [...new Set(group.map(({ stream }) => stream))].map((stream) => {
      const own = group.filter((event) => event.stream === stream);
      return { stream, expected: own[0]!.revision, events: own };
    });
    // One that the store refuses changes nothing.
    const refused = { stream: inventoryStream('demo', 'refused'), expected: 1_000, events: group.slice(0, 1) };
    const outcomes = await inlineStore.appendMany([refused, ...streams]);
    expect(outcomes.map((each) => typeof each)).toEqual(['object', ...streams.map(() => 'string')]);
    group = [];
  };
  for (const [i, event] of events.entries()) {
    if (group.some(({ time }) => time !== event.time) || cuts.includes(i)) await writeGroup();
    group.push(event);
  }
  await writeGroup();
  const { rows } = await pool.query<{ filled: boolean }>(
    `select position::bigint = (select coalesce(max(position), 0) from events) as filled from checkpoints where name = 'carts'`,
  );
  expect(rows).toEqual([{ filled: true }]);
}

async function tables(): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {};
  for (const { name, key } of cartsModel.tables) {
    all[name] = (await pool.query(`select * from ${name} order by ${key}`)).rows;
  }
  return all;
}

test('the rows give the state that folding the history gives, however it is cut', async () => {
  let reservations = 0;
  let purged = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 80 }),
      fc.array(fc.nat(80), { maxLength: 6 }),
      async (steps, cuts) => {
        const events = historyOf(steps);
        await apply(events, cuts);
        for (const event of EVENTS) {
          const stream = inventoryStream('demo', event);
          const own = events.filter((each) => each.stream === stream);
          const stored = await storedInventory(pool, stream);
          const folded = fold(
            inventory,
            own.map((each) => catalog.read(each) as InventoryEvent),
          );
          if (own.length === 0) expect(stored).toBeUndefined();
          else {
            expect({ ...stored, state: snapshotOf(stored!.state) }).toEqual({
              revision: own.length,
              state: snapshotOf(folded),
            });
            // With its indexes, too.
            expect(stored!.state).toEqual(restore(snapshotOf(folded)));
          }
          reservations += sizeOf(folded.held);
        }
        const live = await tables();
        const listed = await pool.query<{ event: string; listed: number; counted: number }>(
          `select event, listed - purged as listed, (select count(*)::integer from carts c where c.event = i.event and c.listed) as counted from inventories i`,
        );
        for (const row of listed.rows) expect(row.listed).toBe(row.counted);
        purged += events.filter(({ type }) => type === 'CartReserved').length - live.carts!.length;
        await apply(events, []);
        expect(await tables()).toEqual(live);
        await append(events, cuts);
        expect(await tables()).toEqual(live);
      },
    ),
    { numRuns: 40 },
  );
  // The histories are not empty ones.
  expect([reservations > 0, purged > 0]).toEqual([true, true]);
});

test('rows from which an event was left out are no state', async () => {
  const steps = Array.from({ length: 12 }, (_, n) => ({ kind: 0, event: 0 as const, n: n % 8, minutes: 1 }));
  const events = historyOf(steps);
  const stream = events[0]!.stream;
  await apply(events, [5]);
  expect((await storedInventory(pool, stream))?.revision).toBe(12);
  for (const left of [0, 4, 5, 10]) {
    await apply(
      events.filter(({ revision }) => revision !== left),
      [5],
    );
    expect(await storedInventory(pool, stream)).toBeUndefined();
  }
  await apply(events.slice(0, 11), [5]);
  expect((await storedInventory(pool, stream))?.revision).toBe(11);
});

test('rows that another release has made are no state', async () => {
  await apply(historyOf([{ kind: 0, event: 0, n: 0, minutes: 0 }]), []);
  const stream = inventoryStream('demo', EVENTS[0]);
  expect(await storedInventory(pool, stream)).toBeDefined();
  await pool.query("update read_models set version = version + 1 where name = 'carts'");
  expect(await storedInventory(pool, stream)).toBeUndefined();
  await pool.query("update read_models set version = version - 1 where name = 'carts'");
});

test('§8.5: of what is due an append purges a part, since others wait for it; `verify` takes that for equal, and counts are right', async () => {
  await append([], []);
  const stream = inventoryStream('demo', EVENTS[0]);
  const where = { organizer: 'demo', event: EVENTS[0] };
  const made = Array.from({ length: 700 }, (_, i) =>
    reserved({ ...where, id: 1_000_000_000 + i, expires: at(1), datetime: at(0) }),
  );
  const gone = made.map(({ data: { id, cart_id, item, variation, date, voucher, seat, expires } }) => ({
    type: 'CartExpired' as const,
    data: { ...where, id, cart_id, item, variation, date, voucher, seat, expires },
  }));
  let revision = 0;
  const record = async (minute: number, facts: readonly InventoryEvent[]) => {
    jest.setSystemTime(Date.parse(at(minute)));
    const events = facts.map((fact) => ({ id: randomUUID(), ...catalog.write(fact), actor: 'test:1', trace: null }));
    await inlineStore.append(stream, revision, events);
    revision += events.length;
  };
  await record(0, made);
  await record(2, gone);
  const left: number[] = [];
  for (let n = 0; n < 3; n++) {
    await record(15 * DAY + n, [
      reserved({ ...where, id: 1_000_001_000 + n, expires: at(20 * DAY), datetime: at(15 * DAY) }),
    ]);
    const { rows } = await pool.query<{ stored: number; counted: number }>(
      `select (select count(*)::integer from carts where listed) as stored, listed - purged as counted from inventories`,
    );
    expect(rows[0]!.counted).toBe(rows[0]!.stored);
    left.push(rows[0]!.stored);
    const feeds = new Map([['inventory' as const, { ...inlineStore, topic: 'inventory' }]]);
    expect(await verifyReadModel(cartsModel, { pool, schema: 'inventory', feeds }, () => undefined)).toEqual([]);
  }
  expect(left).toEqual([700 + 1 - 502, 2, 3]);
});
