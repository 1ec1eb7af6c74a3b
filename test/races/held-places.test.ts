import { setTimeout as sleep } from 'node:timers/promises';
import type { Recorded } from '@gatehouse/events/envelope';
import { READ_MODELS } from '@gatehouse/inventory/context';
import { replay } from '@gatehouse/eventing/projection';
import { verifyReadModel, type Difference } from '@gatehouse/eventing/read-model';
import { call, type Answer } from '@gatehouse/service/testing';
import { HALL, hall } from '@gatehouse/test-support/hall';
import { startInventory, type InventorySystem } from '@gatehouse/test-support/inventory';
import { SHOP } from '@gatehouse/test-support/shop';
import { startMain, type GateProcess } from './gate-process';

/*
 * Many callers at three processes that are killed while they reserve: exactly as many as there are of a quota, a seat and a voucher, and
 * none of those that were answered is lost (contract §8.7).
 */

const CALLERS = 64;
const PROCESSES = 3;
const PLACES = 500;
const USES = 3;
const KILLS = 4;
const ANSWERS_BETWEEN_KILLS = 200;
const GIVE_UP_MS = 50_000;
const TARGET = `${HALL.event}cartpositions/`;

let system: InventorySystem;
const processes: GateProcess[] = [];
const startCart = () => startMain('services/cart/src/main.ts', { DATABASE_URL: system.databaseUrl });

beforeEach(async () => {
  system = await startInventory();
  await system.import(hall({ size: PLACES }));
  processes.push(...(await Promise.all(Array.from({ length: PROCESSES }, startCart))));
});
afterEach(async () => {
  await Promise.all(processes.splice(0).map((each) => each.kill()));
  await system.close();
});

/** Asks until a process answers, each time another one, always under the same key. */
async function ask(target: string, { json, key, at }: { json: unknown; key: string; at: number }): Promise<Answer> {
  const until = Date.now() + GIVE_UP_MS;
  for (let attempt = at; ; attempt++) {
    const { url } = processes[attempt % PROCESSES]!;
    const asked = { token: HALL.token, json, headers: { 'x-idempotency-key': key } };
    const answer = await call(url, 'POST', target, asked).catch(() => undefined);
    // 409: the request runs, or is held to run by a process that is being missed.
    if (answer && answer.status !== 503 && answer.status !== 409) return answer;
    if (Date.now() > until) throw new Error('no process answers any more');
    await sleep(20);
  }
}

type Place = { id: number };
type Kind = 'place' | 'seat' | 'voucher';
const BODIES: Record<Kind, object> = {
  place: { item: SHOP.pass, price: '10.00' },
  seat: { item: SHOP.day, price: '20.00', seat: HALL.seats[1] },
  voucher: { item: SHOP.addon, price: '5.00', voucher: 'three' },
};

/** How many answers callers may have got before the next process is killed: they are done sooner than processes start. */
let allowed = ANSWERS_BETWEEN_KILLS;

/** Kills one process after the other with requests under way, and starts it again. */
async function killInTurn(answered: readonly unknown[]): Promise<void> {
  for (let kills = 0; kills < KILLS; kills++) {
    while (answered.length < allowed) await sleep(5);
    const victim = kills % PROCESSES;
    const killed = processes[victim]!.kill();
    allowed += ANSWERS_BETWEEN_KILLS;
    await killed;
    processes[victim] = await startCart();
  }
  allowed = Infinity;
}

async function history(type: string): Promise<Recorded[]> {
  const { own, ownFeed } = system.inventoryFeeds;
  const events: Recorded[] = [];
  const range = { from: own.start, until: await own.head() };
  await replay(ownFeed, range, (batch) => Promise.resolve(void events.push(...batch)));
  return events.filter((event) => event.type === type);
}

async function differences(): Promise<Difference[]> {
  await system.settled();
  const all: Difference[] = [];
  for (const model of READ_MODELS) all.push(...(await verifyReadModel(model, system.inventoryFeeds, () => undefined)));
  return all;
}

test('§8.7: a quota, a seat and a voucher are given as often as they are there, and what was answered stands', async () => {
  const answered: { readonly kind: Kind; readonly answer: Answer }[] = [];
  /** Each wants a seat and the voucher once, and places until there are none. */
  async function caller(n: number): Promise<void> {
    const want = async (kind: Kind, i: number) => {
      while (answered.length >= allowed) await sleep(5);
      const answer = await ask(TARGET, { json: BODIES[kind], key: `${n} ${kind} ${i}`, at: n });
      answered.push({ kind, answer });
      return answer.status === 201;
    };
    await want('seat', 0);
    await want('voucher', 0);
    for (let i = 0; await want('place', i); i++);
  }
  const callers = Array.from({ length: CALLERS * PROCESSES }, (_, n) => caller(n));
  await Promise.all([killInTurn(answered), ...callers]);

  const given = (kind: Kind) => answered.filter((each) => each.kind === kind && each.answer.status === 201);
  expect([given('place').length, given('seat').length, given('voucher').length]).toEqual([PLACES, 1, USES]);
  expect(new Set(answered.map(({ answer }) => answer.status))).toEqual(new Set([201, 400]));
  const ids = answered.flatMap(({ answer }) => (answer.status === 201 ? [(answer.body as Place).id] : []));
  const held = (await history('CartReserved')).map(({ data }) => (data as Place).id);
  expect(held.sort()).toEqual(ids.sort());
  const refused = answered.filter(({ answer }) => answer.status === 400);
  // A process may have been killed between a refusal and its reply: then it is refused anew, and is history once all the same.
  expect(await history('ReservationRefused')).toHaveLength(refused.length);
  expect(await differences()).toEqual([]);
});

test('§8.6, §1.10: a bulk whose process is killed in the middle is, repeated under its key, as if it had been one request', async () => {
  const json = Array.from({ length: 1_000 }, (_, n) => ({
    ...BODIES.place,
    item: SHOP.addon,
    cart_id: `${n}@api`,
    ...(n % 10 === 3 ? { voucher: 'nobody' } : {}),
  }));
  const target = `${TARGET}bulk_create/`;
  const idsFrom = async (first: number) =>
    (await history('CartReserved')).slice(first).map(({ data }) => (data as Place).id);

  /** Kills the process as soon as something of the bulk is history; whether it was in the middle of it. */
  async function interrupted(key: string, first: number): Promise<boolean> {
    const asked = { token: HALL.token, json, headers: { 'x-idempotency-key': key } };
    const answered = call(processes[0]!.url, 'POST', target, asked).then(
      () => true,
      () => false,
    );
    while ((await idsFrom(first)).length === 0) await sleep(1);
    await processes[0]!.kill();
    processes[0] = await startCart();
    return !(await answered) && (await idsFrom(first)).length < 900;
  }
  let [key, first] = ['', 0];
  for (let tries = 0; key === ''; tries++) {
    expect(tries).toBeLessThan(10);
    first = (await idsFrom(0)).length;
    if (await interrupted(`bulk ${tries}`, first)) key = `bulk ${tries}`;
  }

  const { status, body } = await ask(target, { json, key, at: 1 });
  expect(status).toBe(200);
  const { results } = body as { results: { success: boolean; data: Place & { cart_id: string }; errors: object }[] };
  const unknown = { non_field_errors: ['The specified voucher does not exist.'] };
  expect(results.map(({ data, errors }) => data?.cart_id ?? errors)).toEqual(
    json.map(({ cart_id }, n) => (n % 10 === 3 ? unknown : cart_id)),
  );
  expect(await idsFrom(first)).toEqual(results.flatMap(({ success, data }) => (success ? [data.id] : [])));
  const refused = await history('ReservationRefused');
  // Those of the first half were perhaps recorded before it was killed.
  expect(refused.filter((each) => each.stream === refused.at(-1)!.stream)).toHaveLength(100);
  expect(await ask(target, { json, key, at: 2 })).toMatchObject({ status, body });
  expect(await differences()).toEqual([]);
});
