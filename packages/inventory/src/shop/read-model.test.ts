import type { Envelope } from '@gatehouse/events/envelope';
import { inventory } from '@gatehouse/events/inventory';
import { reference, type PositionFact, type ReferenceEvent } from '@gatehouse/events/reference';
import { parseInstant, sortable } from '@gatehouse/domain/instant';
import { inTransaction } from '@gatehouse/eventing/postgres';
import type { Tx } from '@gatehouse/eventing/event-bus';
import fc from 'fast-check';
import { shopModel } from './read-model';
import {
  cartStated,
  DAY,
  eventStated,
  FRIDAY,
  FUTURE,
  numberedEnvelopes,
  orderStated,
  PASS,
  PAST,
  position,
  quotaStated,
  seatStated,
  shopInTest,
  voucherStated,
  waitingStated,
  type ShopInTest,
} from './shop-in-test';

/*
 * The same history gives the same rows, however its events come: in which batches, how often, and the two topics in whichever
 * interleaving. And the counts are what a count of the newest facts gives (contract §2.7).
 */

let shop: ShopInTest;
beforeAll(async () => {
  shop = await shopInTest();
});
beforeEach(() => shop.clear());
afterAll(() => shop.close());

const ids = fc.integer({ min: 1, max: 4 });
const product = fc.constantFrom(
  { item: PASS, variation: null, subevent: null },
  { item: DAY, variation: FRIDAY, subevent: null },
  { item: DAY, variation: null, subevent: 7 },
);
const until = fc.constantFrom(PAST, FUTURE, '2099-12-31T23:59:59.000001+02:00');
const maybe = <T>(some: fc.Arbitrary<T>) => fc.option(some, { freq: 2 });
const seat = maybe(fc.constantFrom('S-1', 'S-2'));

type Said =
  { readonly said: 'fact'; readonly fact: ReferenceEvent } | { readonly said: 'released'; readonly id: number };
const fact = <A>(arbitrary: fc.Arbitrary<A>, of: (value: A) => ReferenceEvent): fc.Arbitrary<Said> =>
  arbitrary.map((value) => ({ said: 'fact', fact: of(value) }));

const named = fc.record({ id: fc.integer({ min: 1, max: 6 }), product, seat, canceled: fc.boolean() });
const order = fc.record({
  code: fc.constantFrom('A', 'B', 'C'),
  status: fc.constantFrom('p' as const, 'n' as const, 'e' as const, 'c' as const),
  positions: fc.uniqueArray(named, { maxLength: 4, selector: ({ id }) => id }),
});
const positionOf = ({
  id,
  product: of,
  seat: guid,
  canceled,
}: typeof named extends fc.Arbitrary<infer V> ? V : never) =>
  position(id, { ...of, canceled, seat: guid === null ? null : { id: 1, name: guid, seat_guid: guid } });

const said: fc.Arbitrary<Said> = fc.oneof(
  {
    weight: 3,
    arbitrary: fact(order, ({ code, status, positions }) => orderStated(code, positions.map(positionOf), { status })),
  },
  {
    weight: 3,
    arbitrary: fact(
      fc.record({
        id: ids,
        product,
        block_quota: fc.boolean(),
        valid_until: maybe(until),
        max_usages: ids,
        redeemed: ids,
        seat,
        of: fc.nat(2),
      }),
      ({ id, product: bound, of, ...rest }) =>
        voucherStated(id, { ...rest, ...(of === 0 ? { quota: 1 } : of === 1 ? bound : {}) }),
    ),
  },
  {
    weight: 4,
    arbitrary: fact(
      fc.record({ id: ids, product, voucher: maybe(ids), seat, expires: until }),
      ({ id, product: of, ...rest }) => cartStated(id, { ...rest, ...of }),
    ),
  },
  {
    weight: 1,
    arbitrary: fact(fc.record({ id: ids, product, voucher: maybe(ids) }), ({ id, product: of, voucher }) =>
      waitingStated(id, { ...of, voucher }),
    ),
  },
  {
    weight: 1,
    arbitrary: fact(fc.record({ id: ids, blocked: fc.boolean() }), ({ id, blocked }) => seatStated(id, { blocked })),
  },
  { weight: 1, arbitrary: ids.map((id): Said => ({ said: 'released', id })) },
);

type Topic = 'reference' | 'inventory';
type Delivery = { readonly topic: Topic; readonly events: readonly Envelope[] };

/** The history of both topics, in the order in which it happened. */
function historyOf(all: readonly Said[]): { topic: Topic; event: Envelope }[] {
  const envelopes = numberedEnvelopes();
  const newest = new Map<number, ReturnType<typeof cartStated>['data']>();
  let imported = 0;
  return all.flatMap((each): { topic: Topic; event: Envelope }[] => {
    if (each.said === 'fact') {
      const { type, data } = each.fact;
      if (type === 'CartPositionStated') newest.set(data.id, data);
      const event = { type, data: { ...data, import: ++imported } } as ReferenceEvent;
      return [{ topic: 'reference', event: envelopes.stated(event) }];
    }
    const cart = newest.get(each.id);
    // Only what is known can be released, and once.
    if (!cart) return [];
    newest.delete(each.id);
    const { id, cart_id, item, variation, subevent: date, voucher, seat: guid, expires } = cart;
    const data = { id, cart_id, item, variation, date, voucher, seat: guid, expires: parseInstant(expires)! };
    return [{ topic: 'inventory', event: envelopes.released(data) }];
  });
}

/** Batches of both topics: each topic in its order, some of it again. */
function deliveriesOf(history: readonly { topic: Topic; event: Envelope }[], choices: readonly number[]): Delivery[] {
  const left = { reference: [] as Envelope[], inventory: [] as Envelope[] };
  for (const { topic, event } of history) left[topic].push(event);
  const at = { reference: 0, inventory: 0 };
  const deliveries: Delivery[] = [];
  for (let n = 0; at.reference < left.reference.length || at.inventory < left.inventory.length; n++) {
    const choice = choices[n % choices.length]! + n;
    const has = (topic: Topic) => at[topic] < left[topic].length;
    const topic: Topic = (choice % 3 === 0 && has('inventory')) || !has('reference') ? 'inventory' : 'reference';
    const from = Math.max(0, at[topic] - (choice % 5 === 0 ? 3 : 0));
    const to = Math.min(left[topic].length, at[topic] + 1 + (choice % 9));
    deliveries.push({ topic, events: left[topic].slice(from, to) });
    at[topic] = to;
  }
  // Old ones alone, long after newer ones.
  const again = (events: readonly Envelope[]) => events.filter((_, n) => choices[n % choices.length]! % 2 === 0);
  return [
    ...deliveries,
    { topic: 'reference', events: again(left.reference) },
    { topic: 'inventory', events: again(left.inventory) },
  ];
}

/** All rows of the read model after some deliveries, made in a schema of their own that is then gone. */
async function rowsAfter(deliveries: readonly Delivery[]): Promise<Record<string, unknown[]>> {
  const rows: Record<string, unknown[]> = {};
  await inTransaction(shop.pool, async (tx) => {
    await tx.query('create schema beside');
    await tx.query('set local search_path = beside, public');
    await tx.query(shopModel.sql);
    for (const { topic, events } of deliveries) await shopModel.handles[topic]!(tx, events);
    for (const { name, key, columns } of shopModel.tables) rows[name] = await rowsOf(tx, { name, key, columns });
    await tx.query('drop schema beside cascade');
  });
  return rows;
}

async function rowsOf(tx: Tx, { name, key, columns }: (typeof shopModel.tables)[number]): Promise<unknown[]> {
  const { rows } = await tx.query(`select ${columns === '*' ? 'r.*' : columns} from ${name} r order by ${key}`);
  return rows;
}

test('whatever comes how often, in which batches and interleaving: the rows are the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(said, { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(100), { minLength: 1, maxLength: 10 }),
      async (all, choices) => {
        const history = historyOf(all);
        const inOrder = history.map(({ topic, event }) => ({ topic, events: [event] }));
        expect(await rowsAfter(deliveriesOf(history, choices))).toEqual(await rowsAfter(inOrder));
      },
    ),
    { numRuns: 60 },
  );
}, 120_000);

test('a count that came to nothing by what was added is none, too', async () => {
  const soon = '2099-06-01T00:00:00Z';
  const envelopes = numberedEnvelopes();
  // The first cart counts only from when its voucher ends, the other one until then.
  const events = [
    voucherStated(1, { valid_until: soon }),
    cartStated(1, { voucher: 1 }),
    cartStated(2, { expires: soon }),
  ].map((each) => envelopes.stated(each));
  const one = await rowsAfter([{ topic: 'reference', events }]);
  expect(await rowsAfter(events.map((event) => ({ topic: 'reference', events: [event] })))).toEqual(one);
  expect(one.shop_until).not.toContainEqual(expect.objectContaining({ carts: 0, vouchers: 0 }));
});

test('the counts are those of the newest facts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(said, { minLength: 1, maxLength: 40 }), async (all) => {
      await shop.clear();
      await shop.state(eventStated());
      const history = historyOf(all);
      for (const { topic, event } of history) await shop.apply(topic, [event]);
      await shop.state(QUOTA, DATED);
      const { now, quotas } = await (await shop.reader()).quotas({ organizer: 'demo', event: 'fest' }, [1, 2], 0);
      for (const { id, items, variations, date, ...quota } of quotas) {
        const { paid, pending, vouchers, carts, waiting } = quota;
        const counted = countedFrom(
          history.map(({ event }) => event),
          { id, items, variations, date, now },
        );
        expect({ id, paid, pending, vouchers, carts, waiting }).toEqual({ id, ...counted });
      }
    }),
    { numRuns: 60 },
  );
}, 120_000);

const QUOTA = quotaStated(1, { items: [PASS], variations: [FRIDAY] });
const DATED = quotaStated(2, { items: [DAY], subevent: 7 });

type Of = { id: number; items: readonly number[]; variations: readonly number[]; date: number | null; now: string };
type Product = { item: number | null; variation: number | null; subevent: number | null };

/** Counts the newest facts one by one; a cart that was released here counts nowhere. */
function countedFrom(history: readonly Envelope[], { id, items, variations, date, now }: Of) {
  const owners = new Map<number, string>();
  const orders = new Map<string, { status: string; positions: readonly PositionFact[] }>();
  const vouchers = new Map<number, ReturnType<typeof voucherStated>['data']>();
  const waiting = new Map<number, Product & { voucher: number | null }>();
  const carts = new Map<number, Product & { id: number; voucher: number | null; expires: string }>();
  const released = new Set<number>();
  for (const stored of history) {
    const event = reference.read(stored) ?? inventory.read(stored)!;
    if (event.type === 'OrderStated') {
      orders.set(event.data.code, event.data);
      for (const each of event.data.positions) owners.set(each.id, event.data.code);
    } else if (event.type === 'VoucherStated') vouchers.set(event.data.id, event.data);
    else if (event.type === 'WaitingListEntryStated') waiting.set(event.data.id, event.data);
    else if (event.type === 'CartPositionStated') carts.set(event.data.id, event.data);
    else if (event.type === 'CartReleased') released.add(event.data.id);
  }
  const counts = ({ item, variation, subevent }: Product) =>
    subevent === date && (variation === null ? item !== null && items.includes(item) : variations.includes(variation));
  const isPast = (instant: string | null) => instant !== null && Date.parse(instant) < Date.parse(now);
  const blocks = (voucher: number | null) => {
    const of = voucher === null ? undefined : vouchers.get(voucher);
    return of !== undefined && of.block_quota && !isPast(of.valid_until);
  };
  const sold = (status: string) =>
    [...orders].flatMap(([code, order]) =>
      order.status === status
        ? order.positions.filter((each) => owners.get(each.id) === code && !each.canceled && counts(each))
        : [],
    ).length;
  return {
    paid: sold('p'),
    pending: sold('n'),
    vouchers: [...vouchers.values()]
      .filter(
        (each) => blocks(each.id) && (each.quota === null ? counts(each) : each.quota === id && each.subevent === date),
      )
      .reduce((sum, each) => sum + Math.max(0, each.max_usages - each.redeemed), 0),
    carts: [...carts.values()].filter(
      (cart) => !released.has(cart.id) && counts(cart) && !isPast(cart.expires) && !blocks(cart.voucher),
    ).length,
    waiting: [...waiting.values()].filter((entry) => counts(entry) && entry.voucher === null).length,
  };
}

test('what counts until an instant counts exactly until then, however near or far that is', async () => {
  await shop.state(eventStated(), QUOTA);
  const { now: start } = await shop.hold();
  const at = Date.parse(start) * 1000 + Number(sortable(start).slice(23, 26));
  const instant = (micros: number) => {
    const whole = Math.floor(micros / 1000);
    return `${new Date(whole).toISOString().slice(0, 23)}${String(micros - whole * 1000).padStart(3, '0')}Z`;
  };
  // From a microsecond to thirty years before and after, and each of the next milliseconds.
  const around = Array.from({ length: 150 }, (_, n) => Math.round(1.18 ** n * 1.5)).filter((offset) => offset < 1e15);
  const soon = Array.from({ length: 2_000 }, (_, n) => n * 1_000);
  const ends = [
    ...around.map((offset) => at - offset),
    ...around.map((offset) => at + offset),
    ...soon.map((offset) => at + offset),
  ];
  await shop.state(...ends.map((end, n) => cartStated(n + 1, { expires: instant(end) })));
  const counts = new Set<number>();
  const reader = await shop.reader();
  const where = { organizer: 'demo', event: 'fest' };
  for (let reads = 0; reads < 200; reads++) {
    const { now, quotas } = await reader.quotas(where, [1], 0);
    const left = ends.filter((end) => instant(end) >= sortable(now)).length;
    expect({ now, carts: quotas[0]!.carts }).toEqual({ now, carts: left });
    counts.add(left);
  }
  expect(counts.size).toBeGreaterThan(20);
});
