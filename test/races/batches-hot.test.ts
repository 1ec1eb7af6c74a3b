import { setTimeout as sleep } from 'node:timers/promises';
import { cart } from '@gatehouse/cart/service';
import { inventoryStream, type InventoryEvent } from '@gatehouse/events/inventory';
import type { BatchEvent } from '@gatehouse/events/sales';
import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import { until } from '@gatehouse/eventing/history-in-test';
import { replay } from '@gatehouse/eventing/projection';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import type { JobState } from '@gatehouse/sales/batches/find';
import type { Feeds } from '@gatehouse/service/feeds';
import { call, type Answer } from '@gatehouse/service/testing';
import { backendsInTest, type BackendsInTest } from '@gatehouse/test-support/backends';
import { HALL, hall } from '@gatehouse/test-support/hall';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { startSales, WANTED, type SalesSystem } from '@gatehouse/test-support/sales';
import { SHOP } from '@gatehouse/test-support/shop';
import { startMain, type GateProcess } from './gate-process';

/*
 * Ten batches at once on a quota that carts want, too, and give back: what is taken is never more than there is, no batch is refused
 * that had its places, and every batch ends as its places were decided (contract §9.3, §9.4).
 */

const PLACES = 500;
const BATCHES = 10;
const AMOUNT = 60;
const CALLERS = 30;
const CARTS_EACH = 12;
const TARGET = `${HALL.event}cartpositions/`;
const by = { actor: 'token:1', trace: null };

/** Where callers ask; another one after a while without an answer. */
type Urls = () => readonly string[];

/** Asks until it is answered, always under the same key. */
async function ask(urls: Urls, asked: { method: string; target: string; key: string; at: number }): Promise<Answer> {
  const end = Date.now() + 50_000;
  for (let attempt = asked.at; ; attempt++) {
    const url = urls()[attempt % urls().length]!;
    const json = { item: SHOP.pass, price: '10.00' };
    const headers = { 'x-idempotency-key': asked.key };
    const sent = { token: HALL.token, headers, ...(asked.method === 'POST' ? { json } : {}) };
    const answer = await call(url, asked.method, asked.target, sent).catch(() => undefined);
    if (answer && ![409, 503].includes(answer.status)) return answer;
    if (Date.now() > end) throw new Error('nobody answers any more');
    await sleep(20);
  }
}

/** Reserves one cart after the other, and gives every third one back. */
async function caller(urls: Urls, n: number): Promise<void> {
  for (let i = 0; i < CARTS_EACH; i++) {
    const key = `${n} ${i}`;
    const { status, body } = await ask(urls, { method: 'POST', target: TARGET, key, at: n });
    expect([201, 400]).toContain(status);
    if (status !== 201 || i % 3 !== 0) continue;
    const target = `${TARGET}${(body as { id: number }).id}/`;
    expect((await ask(urls, { method: 'DELETE', target, key: `${key} back`, at: n })).status).toBe(204);
  }
}

async function historyOf({ own, ownFeed }: Feeds) {
  const events: { type: string; data: unknown; stream: string }[] = [];
  const range = { from: own.start, until: await own.head() };
  await replay(ownFeed, range, (some) => Promise.resolve(void events.push(...some)));
  return events;
}

/** While nobody fills the read model a job has no state. */
function unlessAway(error: unknown): undefined {
  if (!(error instanceof StoreUnavailable)) throw error;
}

/** Batches and callers all at once. The jobs, and what has become of them. */
async function everybody(system: SalesSystem, urls: Urls): Promise<ReadonlyMap<string, JobState>> {
  const states = new Map<string, JobState>();
  async function batch(): Promise<void> {
    const job = await system.sales.request(HALL.where, { ...WANTED, amount: AMOUNT }, by);
    await until(async () => {
      const state = await system.sales.finder.job(HALL.where, job).catch(unlessAway);
      if (state) states.set(job, state);
      return state?.status === 'succeeded' || state?.status === 'failed';
    });
  }
  await Promise.all([
    ...Array.from({ length: CALLERS }, (_, n) => caller(urls, n)),
    ...Array.from({ length: BATCHES }, batch),
  ]);
  return states;
}

async function expectExact(system: SalesSystem, jobs: ReadonlyMap<string, JobState>): Promise<void> {
  await system.settled();
  const stream = inventoryStream(HALL.where.organizer, HALL.where.event);
  const decisions = (await historyOf(system.inventoryFeeds)).filter((event) => event.stream === stream);
  let taken = 0;
  const places = new Map<string, string>();
  for (const { type, data } of decisions as unknown as InventoryEvent[]) {
    if (type === 'CartReserved') taken++;
    if (type === 'CartReleased') taken--;
    if (type === 'PlacesTaken') taken += data.amount;
    expect(taken).toBeLessThanOrEqual(PLACES);
    if (type !== 'PlacesTaken' && type !== 'PlacesRefused') continue;
    expect(places.has(data.batch)).toBe(false);
    places.set(data.batch, type);
    if (type === 'PlacesRefused') expect(taken + AMOUNT).toBeGreaterThan(PLACES);
  }
  expect(places.size).toBe(BATCHES);
  expect([...places.values()]).toContain('PlacesRefused');
  expect([...places.values()]).toContain('PlacesTaken');
  const states = await system.inventory.reservations.availability(HALL.where, [HALL.quota]);
  expect(states.get(HALL.quota)!.availability.left).toBe(PLACES - taken);

  const events = (await historyOf(system.salesFeeds)) as unknown as BatchEvent[];
  const codes = events.flatMap((event) =>
    event.type === 'TicketsIssued' ? event.data.tickets.map(({ code }) => code) : [],
  );
  const made = [...places.values()].filter((each) => each === 'PlacesTaken').length;
  expect([codes.length, new Set(codes).size]).toEqual([made * AMOUNT, made * AMOUNT]);
  for (const [job, type] of places) {
    const own = events.filter(({ data }) => data.batch === job).map((event) => event.type);
    const state = jobs.get(job);
    if (type === 'PlacesTaken') {
      expect(own).toEqual(['BatchRequested', 'TicketsIssued', 'BatchCreated']);
      expect(state?.status === 'succeeded' && state.batch.orders.length).toBe(AMOUNT);
    } else {
      expect(own).toEqual(['BatchRequested', 'BatchFailed']);
      const message = 'There is not enough quota available on quota "Passes" to perform the operation.';
      expect(state).toEqual({ status: 'failed', message });
    }
  }
}

const LONG_MS = 120_000;
let system: SalesSystem;
let backends: BackendsInTest | undefined;
afterEach(async () => {
  await system.close();
  await backends?.close();
  backends = undefined;
});

test(
  '§9.4: exact, beside carts that are reserved and given back, on the PostgreSQL bus',
  async () => {
    system = await startSales();
    await system.import(hall({ size: PLACES }));
    await expectExact(system, await everybody(system, () => [system.url]));
  },
  LONG_MS,
);

describeWithKafka('on Kafka', () => {
  test(
    '§9.4: exact, beside carts that are reserved and given back, each context in a database of its own',
    async () => {
      backends = await backendsInTest({ store: 'PostgreSQL', bus: 'Kafka' });
      system = await startSales(backends.env);
      await system.import(hall({ size: PLACES }));
      await expectExact(system, await everybody(system, () => [system.url]));
    },
    LONG_MS,
  );
});

test(
  '§9.4: exact, though the processes that decide and issue are killed in turn',
  async () => {
    // Those of the processes: nobody else fills their read models.
    system = await startSales({ ROLES: 'http' }, [cart, offlineSales, reference]);
    const start = () => startMain('test/races/batch-process.ts', { DATABASE_URL: system.databaseUrl });
    const processes: GateProcess[] = await Promise.all([start(), start()]);
    try {
      await system.import(hall({ size: PLACES }));
      let isBusy = true;
      let kills = 0;
      const heads = async () => {
        const { inventoryFeeds, salesFeeds } = system;
        return `${await inventoryFeeds.own.head()} ${await salesFeeds.own.head()}`;
      };
      const killing = (async () => {
        for (; isBusy || kills < 3; kills++) {
          const before = await heads();
          await processes[kills % 2]!.kill();
          processes[kills % 2] = await start();
          // Something must be done between two kills: else a machine that starts processes quickly would never get to the end.
          while (isBusy && (await heads()) === before) await sleep(10);
        }
      })();
      const jobs = await everybody(system, () => processes.map(({ url }) => url));
      isBusy = false;
      await killing;
      await expectExact(system, jobs);
    } finally {
      await Promise.all(processes.map((each) => each.kill()));
    }
  },
  LONG_MS,
);
