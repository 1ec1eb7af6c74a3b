import { setTimeout as sleep } from 'node:timers/promises';
import { cart } from '@gatehouse/cart/service';
import type { Recorded } from '@gatehouse/events/envelope';
import type { InventoryEvent } from '@gatehouse/events/inventory';
import type { BatchEvent } from '@gatehouse/events/sales';
import { TICKETS_AT_ONCE } from '@gatehouse/domain/batch';
import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import { until } from '@gatehouse/eventing/history-in-test';
import { replay } from '@gatehouse/eventing/projection';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import { READ_MODELS as INVENTORY_MODELS } from '@gatehouse/inventory/context';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { READ_MODELS as SALES_MODELS } from '@gatehouse/sales/context';
import type { Feeds } from '@gatehouse/service/feeds';
import { backendsInTest, type BackendsInTest } from '@gatehouse/test-support/backends';
import { HALL, hall } from '@gatehouse/test-support/hall';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { startSales, WANTED, type SalesSystem } from '@gatehouse/test-support/sales';
import type { KillAt } from './batch-process';
import { startMain, type GateProcess } from './gate-process';

/*
 * A process that is killed at each step of a batch, by `kill -9`: the next one goes on, and the batch ends as one batch or one failure,
 * never half, with no place lost or taken twice and no code given twice (contract §9.4).
 */

/** A process is started for each kill. */
const LONG_MS = 180_000;
const PLACES = 100_000;
/** After places, their checkpoint, positions and codes. */
const KAFKA_STEP = 5;
/** Two chunks of tickets. */
const AMOUNT = TICKETS_AT_ONCE + 3;

let system: SalesSystem;
let child: GateProcess;
let env: Readonly<Record<string, string>>;
let backends: BackendsInTest | undefined;
const startChild = () => startMain('test/races/batch-process.ts', { DATABASE_URL: system.databaseUrl, ...env });

async function start(bus: 'PostgreSQL' | 'Kafka' = 'PostgreSQL'): Promise<void> {
  backends = bus === 'Kafka' ? await backendsInTest({ store: 'PostgreSQL', bus }) : undefined;
  env = backends?.env ?? {};
  // Nothing but the child works on batches.
  system = await startSales({ ...env, ROLES: 'http' }, [cart, offlineSales, reference]);
  child = await startChild();
  await system.import(hall({ size: PLACES }));
}
afterEach(async () => {
  await child.kill();
  await system.close();
  await backends?.close();
});

async function historyOf<E>({ own, ownFeed }: Feeds): Promise<(Recorded & E)[]> {
  const events: Recorded[] = [];
  const range = { from: own.start, until: await own.head() };
  await replay(ownFeed, range, (some) => Promise.resolve(void events.push(...some)));
  return events as (Recorded & E)[];
}

/** Undefined also while nobody fills the read model. */
async function jobOf(job: string): Promise<string | undefined> {
  try {
    return (await system.sales.finder.job(HALL.where, job))?.status;
  } catch (error) {
    if (error instanceof StoreUnavailable) return undefined;
    throw error;
  }
}
async function ended(job: string): Promise<string> {
  let status: string | undefined;
  // On Kafka the group waits for half a minute for the member that was killed.
  await until(async () => ['succeeded', 'failed'].includes((status = await jobOf(job)) ?? ''), LONG_MS);
  return status!;
}

/** Requests a batch whose process is killed. Whether that has happened before the batch had ended; it has ended now. */
async function killed(amount: number, at: KillAt): Promise<{ job: string; isKilled: boolean }> {
  let isGone = false;
  void child.gone.then(() => (isGone = true));
  child.send(at);
  const job = await system.sales.request(HALL.where, { ...WANTED, amount }, { actor: 'token:1', trace: null });
  await until(async () => isGone || ['succeeded', 'failed'].includes((await jobOf(job)) ?? ''));
  if (!isGone) {
    // What follows the end of a batch is killed, too, but nothing after that.
    await sleep(200);
    child.send({ ...at, step: 0 });
    await sleep(200);
  }
  const isKilled = isGone;
  if (isKilled) child = await startChild();
  await ended(job);
  return { job, isKilled };
}

/** Batches, each of which is killed one step later than the one before, until one ends before its kill. */
async function killedAtEachStep(amount: number, when: KillAt['when']): Promise<string[]> {
  const jobs: string[] = [];
  for (let step = 1; ; step++) {
    const { job, isKilled } = await killed(amount, { step, when });
    jobs.push(job);
    if (!isKilled) return jobs;
  }
}

const left = async () => {
  const states = await system.inventory.reservations.availability(HALL.where, [HALL.quota]);
  return states.get(HALL.quota)!.availability.left;
};

async function differences() {
  await system.settled();
  const all = [];
  for (const model of SALES_MODELS) all.push(...(await verifyReadModel(model, system.salesFeeds, () => undefined)));
  for (const model of INVENTORY_MODELS) {
    all.push(...(await verifyReadModel(model, system.inventoryFeeds, () => undefined)));
  }
  return all;
}

/** Each job is a batch, made once and whole; nobody has taken anything else. */
async function expectWhole(jobs: readonly string[]): Promise<void> {
  const sales = await historyOf<BatchEvent>(system.salesFeeds);
  const tickets = sales.flatMap((event) => {
    if (event.type !== 'TicketsIssued') return [];
    const { batch, from, first_position } = event.data;
    return event.data.tickets.map((ticket, i) => ({ ...ticket, batch, n: from + i, position: first_position + i }));
  });
  for (const job of jobs) {
    const of = sales.filter(({ data }) => data.batch === job);
    expect(of.map(({ type }) => type)).toEqual(['BatchRequested', 'TicketsIssued', 'TicketsIssued', 'BatchCreated']);
    const own = tickets.filter(({ batch }) => batch === job);
    expect(own.map(({ n }) => n)).toEqual(Array.from({ length: AMOUNT }, (_, n) => n));
    expect(own.map(({ position, n }) => position - n)).toEqual(Array(AMOUNT).fill(own[0]!.position));
  }
  const total = jobs.length * AMOUNT;
  for (const what of ['code', 'secret', 'pseudonymization_id', 'position'] as const) {
    expect(new Set(tickets.map((ticket) => ticket[what])).size).toBe(total);
  }
  const inventory = await historyOf<InventoryEvent>(system.inventoryFeeds);
  expect(inventory.map(({ type }) => type)).toEqual(jobs.map(() => 'PlacesTaken'));
  expect(new Set(inventory.map(({ data }) => 'batch' in data && data.batch))).toEqual(new Set(jobs));
  expect(await left()).toBe(PLACES - total);
  expect(await differences()).toEqual([]);
}

test.each(['before', 'sent'] as const)(
  '§9.4: killed at each step, %s: every batch is made once, whole',
  async (when) => {
    await start();
    const jobs = await killedAtEachStep(AMOUNT, when);
    // Places, positions, two claims, two appends, and the checkpoints.
    expect(jobs.length).toBeGreaterThan(8);
    await expectWhole(jobs);
  },
  LONG_MS,
);

test(
  '§9.4: killed at each step: a batch without places fails once, and takes none',
  async () => {
    await start();
    const jobs = await killedAtEachStep(PLACES + 1, 'sent');
    expect(jobs.length).toBeGreaterThan(2);
    const sales = await historyOf<BatchEvent>(system.salesFeeds);
    for (const job of jobs) {
      const of = sales.filter(({ data }) => data.batch === job);
      expect(of.map(({ type }) => type)).toEqual(['BatchRequested', 'BatchFailed']);
    }
    const inventory = await historyOf<InventoryEvent>(system.inventoryFeeds);
    expect(inventory.map(({ type }) => type)).toEqual(jobs.map(() => 'PlacesRefused'));
    expect(await left()).toBe(PLACES);
    expect(await differences()).toEqual([]);
  },
  LONG_MS,
);

describeWithKafka('on Kafka', () => {
  test(
    '§9.4: killed when the first tickets are issued: the batch is made once, whole',
    async () => {
      await start('Kafka');
      const { job, isKilled } = await killed(AMOUNT, { step: KAFKA_STEP, when: 'sent' });
      expect(isKilled).toBe(true);
      await expectWhole([job]);
    },
    LONG_MS,
  );
});
