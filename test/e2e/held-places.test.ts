import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { cart } from '@gatehouse/cart/service';
import { until } from '@gatehouse/eventing/history-in-test';
import { replay } from '@gatehouse/eventing/projection';
import { rebuildReadModel, verifyReadModel } from '@gatehouse/eventing/read-model';
import type { EventStore } from '@gatehouse/eventing/event-store';
import { inventoryEvents, inventoryStream } from '@gatehouse/events/inventory';
import { fold } from '@gatehouse/domain/decider';
import type { Recorded } from '@gatehouse/events/envelope';
import { inventory, snapshotOf } from '@gatehouse/domain/inventory';
import { sizeOf } from '@gatehouse/domain/ordered';
import { cartsModel } from '@gatehouse/inventory/carts/read-model';
import { storedInventory } from '@gatehouse/inventory/carts/state';
import { READ_MODELS } from '@gatehouse/inventory/context';
import { inventoryStreams } from '@gatehouse/inventory/inventory-streams';
import type { By } from '@gatehouse/inventory/asker';
import type { Reserved } from '@gatehouse/inventory/reservations';
import { backendsInTest, type BackendsInTest, type Wanted } from '@gatehouse/test-support/backends';
import { HALL, hall, shopCart, wanted } from '@gatehouse/test-support/hall';
import { startInventory, type InventorySystem } from '@gatehouse/test-support/inventory';
import { SHOP } from '@gatehouse/test-support/shop';
import { startProcess } from '@gatehouse/test-support/process';
import type { Pool } from 'pg';

/* Reservations on both event stores: what is held is history, opens from rows, expires once, and follows from history. */

const { where } = HALL;
const stream = inventoryStream(where.organizer, where.event);
const by: By = { actor: 'token:1', trace: null };
const PAST = '2020-01-01T00:00:00Z';

for (const store of ['PostgreSQL', 'EventStoreDB'] as const) {
  describe(`store ${store}`, () => journeys({ store, bus: 'PostgreSQL' }));
}

function journeys(on: Wanted): void {
  let backends: BackendsInTest;
  let system: InventorySystem;
  beforeAll(async () => {
    backends = await backendsInTest(on);
    system = await startInventory(backends.env);
    await system.import(hall({ size: 500, carts: [shopCart(11)] }));
  });
  afterAll(async () => {
    await system.close();
    await backends.close();
  });

  const reserve = (count: number, more: Parameters<typeof wanted>[0] = {}, asker = by) =>
    system.inventory.reservations.reserve(
      where,
      Array.from({ length: count }, () => wanted(more)),
      asker,
    );
  const idsOf = (all: readonly Reserved[]) => all.map((each) => (each.outcome === 'reserved' ? each.cart.id : null));
  const left = async () => {
    const states = await system.inventory.reservations.availability(where, [HALL.quota]);
    return states.get(HALL.quota)!.availability.left;
  };
  async function history(type: string): Promise<Recorded[]> {
    const { own, ownFeed } = system.inventoryFeeds;
    const events: Recorded[] = [];
    const range = { from: own.start, until: await own.head() };
    await replay(ownFeed, range, (batch) => Promise.resolve(void events.push(...batch)));
    return events.filter((event) => event.type === type);
  }

  test('§8.4, §8.2: many at once are decided together, are read back, and are free again when they are deleted', async () => {
    const all = (await Promise.all(Array.from({ length: 40 }, () => reserve(2)))).flat();
    expect(new Set(idsOf(all)).size).toBe(80);
    expect(await left()).toBe(419);
    await system.inventory.caughtUp(['carts', 'shop']);
    const page = await system.inventory.carts.page(where, { ordering: [], offset: 0, limit: 200 });
    expect([page.count, page.rows.length]).toEqual([81, 81]);
    const released = await Promise.all(idsOf(all).map((id) => system.inventory.reservations.release(where, id!, by)));
    expect(new Set(released)).toEqual(new Set([true]));
    expect(await system.inventory.reservations.release(where, 11, by)).toBe(true);
    expect(await left()).toBe(500);
  });

  test('§1.10: what an interrupted request has made is found, also when it has expired or was deleted since', async () => {
    const keyed: By = { ...by, request: randomUUID(), again: false };
    const first = await reserve(20, {}, keyed);
    const [one] = idsOf(first);
    expect(await system.inventory.reservations.release(where, one!, by)).toBe(true);
    const before = await left();
    const whole = await reserve(30, {}, { ...keyed, again: true });
    expect(whole.slice(0, 20)).toEqual(first);
    expect(await left()).toBe(before! - 10);
  });

  test('§8.5: what has expired is recorded once, however many processes stand by', async () => {
    const beside = await startProcess([cart], { ...backends.env, DATABASE_URL: system.databaseUrl });
    try {
      const soon = new Date(Date.now() + 300).toISOString();
      const ids = [...idsOf(await reserve(250, { expires: PAST })), ...idsOf(await reserve(1, { expires: soon }))];
      const expired = async () => (await history('CartExpired')).map(({ data }) => (data as { id: number }).id);
      await until(async () => (await expired()).length >= ids.length);
      expect((await expired()).sort()).toEqual(ids.sort());
      const { state } = await system.inventory.streams.read(stream);
      expect(sizeOf(state.held)).toBe(29);
      expect(await system.inventory.carts.find(where, ids[0]!)).toMatchObject({ id: ids[0] });
    } finally {
      await beside.close();
    }
  });

  test('a process that starts opens a stream from its rows: it loads one event, not a thousand', async () => {
    await system.inventory.caughtUp(['carts']);
    const { revision, state } = await system.inventory.streams.read(stream);
    expect(revision).toBeGreaterThan(500);
    let loaded = 0;
    const counting: EventStore = {
      ...system.inventoryFeeds.own,
      async load(...asked) {
        const events = await system.inventoryFeeds.own.load(...asked);
        loaded += events.length;
        return events;
      },
    };
    const opened = await inventoryStreams(counting, system.inventory.pool).read(stream);
    expect([opened.revision, snapshotOf(opened.state), loaded]).toEqual([revision, snapshotOf(state), 1]);
  });

  test('rows that are behind their history, or of another one, are no more than a hint', async () => {
    await system.settled();
    const { revision } = await system.inventory.streams.read(stream);
    await system.inventoryFeeds.pool.query('update inventories set revision = revision + 7, learned = 99');
    const fresh = inventoryStreams(system.inventoryFeeds.own, system.inventory.pool);
    const opened = await fresh.read(stream);
    expect([opened.revision, opened.state.learnedRevision]).toEqual([
      revision,
      (await system.inventory.streams.read(stream)).state.learnedRevision,
    ]);
    await system.inventoryFeeds.pool.query('update inventories set revision = revision - 7, learned = $1', [
      opened.state.learnedRevision,
    ]);
  });

  test('a state is read from the rows of one moment, also when a rebuild would put others in their place meanwhile', async () => {
    let rebuilt: Promise<void> | undefined;
    const { pool } = system.inventory;
    const between = async () => {
      await reserve(5, { item: SHOP.addon });
      await system.inventory.caughtUp(['carts']);
      rebuilt = rebuildReadModel(cartsModel, system.inventoryFeeds, () => undefined);
      // It waits for us; were it not to, this is long enough for it.
      await Promise.race([rebuilt, sleep(1_500)]);
    };
    const stored = await storedInventory(interrupted(pool, 'from carts', between), stream);
    await rebuilt;
    const history = await system.inventoryFeeds.own.load(stream, 0, stored!.revision);
    const folded = fold(
      inventory,
      history.map((event) => inventoryEvents.read(event)!),
    );
    expect(snapshotOf(stored!.state)).toEqual(snapshotOf(folded));
  });

  test('read models follow from history, also when they are rebuilt', async () => {
    await system.settled();
    const differences = async () => {
      const all = [];
      for (const model of READ_MODELS)
        all.push(...(await verifyReadModel(model, system.inventoryFeeds, () => undefined)));
      return all;
    };
    expect(await differences()).toEqual([]);
    for (const model of READ_MODELS) await rebuildReadModel(model, system.inventoryFeeds, () => undefined);
    await system.settled();
    expect(await differences()).toEqual([]);
    expect(await left()).toBe(471);
  });
}

/** A pool on whose connection something else happens before the first statement that contains `text`. */
function interrupted(pool: Pool, text: string, between: () => Promise<void>): Pool {
  let done = false;
  return {
    async connect() {
      const client = await pool.connect();
      const query = client.query.bind(client) as (...asked: unknown[]) => Promise<unknown>;
      const patched = async (...asked: unknown[]) => {
        if (!done && String(asked[0]).includes(text)) {
          done = true;
          await between();
        }
        return query(...asked);
      };
      const release = client.release.bind(client);
      return Object.assign(client, {
        query: patched,
        release(broken?: Error | boolean) {
          Object.assign(client, { query, release });
          release(broken);
        },
      });
    },
  } as Pool;
}
