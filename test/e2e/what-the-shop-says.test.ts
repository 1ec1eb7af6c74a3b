import { READ_MODELS } from '@gatehouse/admission/context';
import { ticketsModel } from '@gatehouse/admission/tickets/read-model';
import { checkin } from '@gatehouse/checkin/service';
import type { Recorded } from '@gatehouse/events/envelope';
import { inTransaction } from '@gatehouse/eventing/postgres';
import { rebuildReadModel, verifyReadModel } from '@gatehouse/eventing/read-model';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { droid } from '@gatehouse/test-support/droid';
import { shopExport, shopNumber, type Shop } from '@gatehouse/test-support/shop';
import { CHANGES, ShopModel, type Change, type Expected } from '@gatehouse/test-support/shop-model';
import { startSystem, type System } from '@gatehouse/test-support/system';
import fc from 'fast-check';

/*
 * Random shops change at random between imports, and people scan: every count and every scan agrees with the shop's state
 * (import.md §3).
 */

const RUNS = 12;

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
});
afterAll(() => system.close());

const number = fc.nat(1_000);
const change: fc.Arbitrary<Change> = fc.record({ what: fc.constantFrom(...CHANGES), a: number, b: number, c: number });
const scan = fc.record({ ticket: number, list: fc.nat(1), byDroid: fc.boolean() });
const version = fc.record({
  changes: fc.array(change, { minLength: 1, maxLength: 12 }),
  /** The export contains only what has changed. */
  isIncremental: fc.boolean(),
  scans: fc.array(scan, { maxLength: 6 }),
  /** Number of earlier facts that are delivered again. */
  redelivered: fc.nat(5),
});
type Version = typeof version extends fc.Arbitrary<infer V> ? V : never;

test('whatever a shop says from one import to the next, counts and scans agree with it', async () => {
  let n = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 5, maxLength: 25 }),
      fc.array(version, { minLength: 2, maxLength: 4 }),
      async (first, versions) => {
        await play(++n, [{ changes: first, isIncremental: false, scans: [], redelivered: 0 }, ...versions]);
      },
    ),
    { numRuns: RUNS },
  );
  for (const model of READ_MODELS) expect(await verifyReadModel(model, system.feeds, () => undefined)).toEqual([]);
  const before = await allRows();
  for (const model of READ_MODELS) await rebuildReadModel(model, system.feeds, () => undefined);
  expect(await allRows()).toEqual(before);
}, 120_000);

/** The expected state of Gatehouse: the imported tickets and the entries. */
type World = {
  readonly shop: Shop;
  readonly model: ShopModel;
  readonly tickets: Map<number, Expected>;
  readonly entered: Set<string>;
};

async function play(n: number, versions: readonly Version[]): Promise<void> {
  const shop = shopNumber(n);
  const world: World = { shop, model: new ShopModel(shop), tickets: new Map(), entered: new Set() };
  let imported = new Map<string, string>();
  for (const { changes, isIncremental, scans, redelivered } of versions) {
    const { model } = world;
    for (const each of changes) model.change(each);
    const orders = [...model.orders.values()];
    const texts = new Map(orders.map((order) => [order.code, JSON.stringify(order)]));
    const named = isIncremental ? orders.filter(({ code }) => texts.get(code) !== imported.get(code)) : orders;
    const ended = applyToWorld(world);
    const { warnings } = await system.import(shopExport(named, { scheme: model.scheme, shop }));
    expect(warnings.map(({ count }) => count)).toEqual(ended > 0 ? [ended] : []);
    imported = texts;
    await redeliver(shop, redelivered);
    await expectCounts(world);
    for (const each of scans) await scanOne(world, each);
    await expectCounts(world);
  }
}

/** Applies the shop's current state; returns how many tickets it no longer names although they were not canceled. */
function applyToWorld({ model, tickets, entered }: World): number {
  const now = new Map(model.tickets().map((ticket) => [ticket.id, ticket]));
  let ended = 0;
  for (const [id, ticket] of tickets) {
    if (now.has(id)) continue;
    if (!ticket.canceled) ended++;
    // The order that had it last decides how its check-ins count.
    const order = model.orders.get(ticket.order)!;
    tickets.set(id, { ...ticket, canceled: true, status: order.status, testmode: order.testmode });
  }
  for (const [id, ticket] of now) tickets.set(id, ticket);
  for (const { list, ticket } of model.entries()) entered.add(`${list} ${ticket}`);
  return ended;
}

/** Facts are delivered at least once. */
async function redeliver(shop: Shop, count: number): Promise<void> {
  if (count === 0) return;
  const { rows } = await system.pool.query<Recorded>(
    `select * from reference.events where stream like $1 or stream = $2 order by md5(id::text) limit $3`,
    [`order-${shop.slug}/%`, `event-${shop.slug}/fest`, count],
  );
  await inTransaction(system.pool, (tx) => ticketsModel.handles.reference!(tx, rows));
}

const listsOf = ({ shop }: World) => [
  { id: shop.gate, admits: () => true, statuses: ['p'] },
  { id: shop.dayGate, admits: (item: number) => item === shop.day, statuses: ['p', 'n'] },
];

async function expectCounts(world: World): Promise<void> {
  const { shop, tickets, entered } = world;
  const all = [...tickets.values()];
  for (const list of listsOf(world)) {
    const isIn = ({ id }: Expected) => entered.has(`${list.id} ${id}`);
    const ofList = all.filter(({ item, status }) => list.admits(item) && list.statuses.includes(status));
    const on = ofList.filter(({ canceled }) => !canceled);
    const get = async (path: string) =>
      (await system.call('GET', `${shop.event}checkinlists/${list.id}/${path}`, { token: shop.token })).body;
    expect(await get('')).toMatchObject({ position_count: on.length, checkin_count: on.filter(isIn).length });
    expect(await get('status/')).toMatchObject({
      position_count: on.length,
      checkin_count: ofList.filter(isIn).length,
    });
    const { count, results } = (await get('positions/?ordering=positionid')) as { count: number; results: Listed[] };
    expect(count).toBe(on.length);
    const wanted = on.sort((a, b) => a.id - b.id).slice(0, results.length);
    expect(results.map(({ id, secret, order, attendee_name: name }) => ({ id, secret, order, name }))).toEqual(
      wanted.map(({ id, secret, order, name }) => ({ id, secret, order, name })),
    );
    expect(results.map(({ checkins }) => checkins.length > 0)).toEqual(wanted.map(isIn));
  }
  await expectDroid(world);
}

type Listed = { id: number; secret: string; order: string; attendee_name: string | null; checkins: unknown[] };
type Downloaded = { secret: string; attendee_name: string | null; redeemed: boolean; attention: boolean };

/** The old API shows a list of all products and paid orders. */
async function expectDroid({ shop, tickets, entered }: World): Promise<void> {
  const old = droid({ call: (...args) => system.call(...args) }, shop.droid, shop.droidKey);
  const paid = [...tickets.values()].filter(({ status }) => status === 'p');
  const live = paid.filter(({ canceled }) => !canceled);
  const isIn = ({ id }: Expected) => entered.has(`${shop.gate} ${id}`);
  const status = JSON.parse((await old.get('status/')).text) as object;
  expect(status).toMatchObject({ total: live.length, checkins: paid.filter(isIn).length });
  const { results } = JSON.parse((await old.get('download/')).text) as { results: Downloaded[] };
  expect(
    results.map(({ secret, attendee_name: name, redeemed, attention }) => ({ secret, name, redeemed, attention })),
  ).toEqual(
    live
      .filter(({ testmode }) => !testmode)
      .sort((a, b) => a.id - b.id)
      .map((ticket) => ({
        secret: ticket.secret,
        name: ticket.name,
        redeemed: isIn(ticket),
        attention: ticket.attention,
      })),
  );
}

async function scanOne(
  world: World,
  { ticket: chosen, list: which, byDroid }: { ticket: number; list: number; byDroid: boolean },
): Promise<void> {
  const { shop, tickets, entered } = world;
  const all = [...tickets.values()];
  const picked = all[chosen % Math.max(1, all.length)];
  if (!picked) return;
  const list = listsOf(world)[byDroid ? 0 : which]!;
  // By a secret, which may belong to another ticket by now.
  const holder = all.find(({ secret, canceled }) => secret === picked.secret && !canceled);
  const expected = outcome(holder, list, entered);
  if (expected === 'ok') entered.add(`${list.id} ${holder!.id}`);
  if (byDroid) {
    const old = droid({ call: (...args) => system.call(...args) }, shop.droid, shop.droidKey);
    const { status, reason } = JSON.parse((await old.redeem({ secret: picked.secret })).text) as ScanReply;
    const droidReason = { unknown: 'unknown_ticket', canceled: 'unpaid' }[expected] ?? expected;
    expect(reason ?? status).toBe(droidReason);
    return;
  }
  const target = `${shop.event}checkinlists/${list.id}/positions/${picked.secret}/redeem/`;
  const answer = await system.call('POST', target, { token: shop.token, json: { canceled_supported: true } });
  const { status, reason, position } = answer.body as ScanReply;
  expect(answer.status === 404 ? 'unknown' : (reason ?? status)).toBe(expected);
  if (expected === 'ok') expect(position!.id).toBe(holder!.id);
}

type ScanReply = { status: string; reason?: string; position?: { id: number } };

/** The rules of contract §2.5 that these shops use. */
function outcome(
  ticket: Expected | undefined,
  list: ReturnType<typeof listsOf>[number],
  entered: ReadonlySet<string>,
): string {
  if (!ticket) return 'unknown';
  if (ticket.status === 'c' || ticket.status === 'e') return 'canceled';
  if (!list.admits(ticket.item)) return 'product';
  if (ticket.status !== 'p') return 'unpaid';
  return entered.has(`${list.id} ${ticket.id}`) ? 'already_redeemed' : 'ok';
}

async function allRows(): Promise<unknown> {
  const all: Record<string, unknown> = {};
  for (const { name, key, columns } of READ_MODELS.flatMap(({ tables }) => tables)) {
    const shown = columns === '*' ? 'r.*' : columns;
    all[name] = (await system.pool.query(`select ${shown} from admission.${name} r order by ${key}`)).rows;
  }
  return all;
}
