import type { ReferenceEvent } from '@gatehouse/events/reference';
import type { QuotaFacts } from '@gatehouse/domain/quota';
import {
  cartStated,
  DAY,
  eventStated,
  FRIDAY,
  FUTURE,
  orderStated,
  PASS,
  PAST,
  position,
  quotaStated,
  SATURDAY,
  shopInTest,
  voucherStated,
  waitingStated,
  where,
  type ShopInTest,
} from './shop-in-test';

/* What counts on a quota (contract §2.7), told by facts of the shop. */

let shop: ShopInTest;
beforeAll(async () => {
  shop = await shopInTest();
});
beforeEach(async () => {
  await shop.clear();
  await shop.state(eventStated());
});
afterAll(() => shop.close());

const counts = ({ paid, pending, vouchers, carts, waiting }: QuotaFacts) => ({
  paid,
  pending,
  vouchers,
  carts,
  waiting,
});
const NOTHING = { paid: 0, pending: 0, vouchers: 0, carts: 0, waiting: 0 };
const DATE = 7;

/** The pass; of the days Friday alone, and no day without its variation. */
const ON_NO_DATE = quotaStated(1, { items: [PASS, DAY], variations: [FRIDAY] });
const ON_DATE = quotaStated(2, { items: [PASS], subevent: DATE });
const UNBOUND = { item: null, variation: null, quota: null };

type Row = {
  name: string;
  facts: ReferenceEvent[];
  counted?: Partial<typeof NOTHING>;
  /** On the quota of the date. */
  dated?: Partial<typeof NOTHING>;
};

const order = (more: Parameters<typeof orderStated>[2], ...of: Parameters<typeof position>[1][]) =>
  orderStated(
    'A',
    of.map((each, n) => position(n + 1, each)),
    more,
  );

const rows: Row[] = [
  { name: 'paid: positions of a paid order', facts: [order({}, {}, {})], counted: { paid: 2 } },
  { name: 'pending: positions of a pending order', facts: [order({ status: 'n' }, {})], counted: { pending: 1 } },
  { name: 'an expired order does not count', facts: [order({ status: 'e' }, {})] },
  { name: 'a canceled order does not count', facts: [order({ status: 'c' }, {})] },
  { name: 'orders in test mode count', facts: [order({ testmode: true }, {})], counted: { paid: 1 } },
  { name: 'a canceled position does not count', facts: [order({}, { canceled: true }, {})], counted: { paid: 1 } },
  {
    name: 'a variation counts by its own entry',
    facts: [order({}, { item: DAY, variation: FRIDAY })],
    counted: { paid: 1 },
  },
  {
    name: 'an item with a variation never counts through its item entry',
    facts: [order({}, { item: DAY, variation: SATURDAY })],
  },
  { name: 'another product does not count', facts: [order({}, { item: 3 })] },
  { name: 'a date counts on quotas of that date only', facts: [order({}, { subevent: DATE })], dated: { paid: 1 } },
  { name: 'another date counts on neither', facts: [order({}, { subevent: 8 })] },
  {
    name: 'an order that is stated again counts as it is now',
    facts: [order({}, {}, {}), order({ status: 'n' }, {}, { canceled: true })],
    counted: { pending: 1 },
  },
  {
    name: 'a position that its order no longer names is free',
    facts: [order({}, {}, {}), order({}, {})],
    counted: { paid: 1 },
  },
  {
    name: 'a position that another order names counts there alone',
    facts: [
      order({}, {}, {}),
      orderStated('B', [position(2)], { status: 'n', import: 2 }),
      orderStated('A', [position(1)], { import: 2 }),
    ],
    counted: { paid: 1, pending: 1 },
  },
  {
    name: 'an order in parts counts when all are there',
    facts: [
      orderStated('A', [position(1)], { part: { number: 1, of: 2, first: true } }),
      orderStated('A', [position(2)], { part: { number: 2, of: 2, first: true } }),
    ],
    counted: { paid: 2 },
  },
  {
    name: 'some parts of an order change nothing',
    facts: [order({}, {}), orderStated('A', [position(1), position(2)], { part: { number: 1, of: 2, first: false } })],
    counted: { paid: 1 },
  },

  {
    name: 'vouchers: what is left of a voucher that blocks the product',
    facts: [voucherStated(1, { item: PASS, max_usages: 5, redeemed: 2 })],
    counted: { vouchers: 3 },
  },
  { name: 'a voucher that does not block is none', facts: [voucherStated(1, { item: PASS, block_quota: false })] },
  {
    name: 'a voucher that is used more often than it may be blocks nothing',
    facts: [voucherStated(1, { item: PASS, max_usages: 1, redeemed: 2 }), voucherStated(2, { item: PASS })],
    counted: { vouchers: 1 },
  },
  {
    name: 'a voucher that is past its time blocks nothing',
    facts: [voucherStated(1, { item: PASS, valid_until: PAST })],
  },
  {
    name: 'a voucher blocks as long as it is valid',
    facts: [voucherStated(1, { item: PASS, valid_until: FUTURE })],
    counted: { vouchers: 1 },
  },
  {
    name: 'a voucher of a variation blocks where the variation is',
    facts: [
      voucherStated(1, { item: DAY, variation: FRIDAY }),
      voucherStated(2, { item: DAY, variation: SATURDAY, max_usages: 9 }),
    ],
    counted: { vouchers: 1 },
  },
  {
    name: 'a voucher of a product with variations, and of none of them, blocks the quotas that hold the product',
    facts: [voucherStated(1, { item: DAY })],
    counted: { vouchers: 1 },
  },
  {
    name: 'a voucher of the quota itself blocks it',
    facts: [voucherStated(1, { quota: 1, max_usages: 2 }), voucherStated(2, { quota: 9 })],
    counted: { vouchers: 2 },
  },
  { name: 'a voucher of the quota on another date does not', facts: [voucherStated(1, { quota: 1, subevent: DATE })] },
  {
    name: 'a voucher of a date blocks on that date only',
    facts: [voucherStated(1, { item: PASS, subevent: DATE })],
    dated: { vouchers: 1 },
  },
  { name: 'a voucher that is bound to nothing blocks nothing', facts: [voucherStated(1, UNBOUND)] },
  {
    name: 'a voucher that was redeemed, bound elsewhere or prolonged counts as it is now',
    facts: [
      voucherStated(1, { item: PASS, max_usages: 4 }),
      voucherStated(2, { item: PASS }),
      voucherStated(3, { item: PASS, valid_until: PAST }),
      voucherStated(1, { item: PASS, max_usages: 4, redeemed: 1 }),
      voucherStated(2, { item: 3 }),
      voucherStated(3, { item: PASS, valid_until: FUTURE }),
    ],
    counted: { vouchers: 4 },
  },

  {
    name: 'waiting list: entries without a voucher',
    facts: [waitingStated(1), waitingStated(2, { voucher: 5 }), waitingStated(3, { item: 3 })],
    counted: { waiting: 1 },
  },
  {
    name: 'an entry of a date counts on that date only',
    facts: [waitingStated(1, { subevent: DATE })],
    dated: { waiting: 1 },
  },
  {
    name: 'an entry that has got its voucher does not wait',
    facts: [waitingStated(1), waitingStated(1, { voucher: 5 })],
  },

  {
    name: 'carts: those that have not expired, of the web shop and of the API alike',
    facts: [cartStated(1), cartStated(2, { cart_id: 'web' }), cartStated(3, { expires: PAST })],
    counted: { carts: 2 },
  },
  {
    name: 'a cart of a date counts on that date only',
    facts: [cartStated(1, { subevent: DATE })],
    dated: { carts: 1 },
  },
  {
    name: 'a cart whose voucher blocks counts as voucher',
    facts: [voucherStated(1, { item: PASS }), cartStated(1, { voucher: 1 })],
    counted: { vouchers: 1 },
  },
  {
    name: 'so it does when the voucher comes later',
    facts: [cartStated(1, { voucher: 1 }), voucherStated(1, { item: PASS })],
    counted: { vouchers: 1 },
  },
  {
    name: 'a cart with a voucher that has expired counts itself',
    facts: [voucherStated(1, { item: PASS, valid_until: PAST }), cartStated(1, { voucher: 1 })],
    counted: { carts: 1 },
  },
  {
    name: 'a cart with a voucher that does not block counts itself',
    facts: [voucherStated(1, { item: PASS, block_quota: false }), cartStated(1, { voucher: 1 })],
    counted: { carts: 1 },
  },
  {
    name: 'a cart counts by the new terms of its voucher',
    facts: [
      voucherStated(1, { item: PASS }),
      voucherStated(2, { item: PASS, block_quota: false }),
      cartStated(1, { voucher: 1 }),
      cartStated(2, { voucher: 2 }),
      voucherStated(1, { item: PASS, valid_until: PAST }),
      voucherStated(2, { item: PASS, valid_until: FUTURE }),
    ],
    counted: { carts: 1, vouchers: 1 },
  },
  {
    name: 'a cart that was prolonged or changed counts as it is now',
    facts: [
      cartStated(1, { expires: PAST }),
      cartStated(2),
      cartStated(1),
      cartStated(2, { item: DAY, variation: SATURDAY }),
    ],
    counted: { carts: 1 },
  },
];

test.each(rows)('§2.7 $name', async ({ facts, counted = {}, dated = {} }) => {
  await shop.state(ON_NO_DATE, ON_DATE);
  // One by one, so that each meets what the others have left.
  for (const fact of facts) await shop.state(fact);
  expect(counts(await shop.quota(1))).toEqual({ ...NOTHING, ...counted });
  expect(counts(await shop.quota(2))).toEqual({ ...NOTHING, ...dated });
});

test('§2.7 the same facts in one batch count the same', async () => {
  for (const { facts, counted = {}, dated = {} } of rows) {
    await shop.clear();
    await shop.state(eventStated(), ON_NO_DATE, ON_DATE, ...facts);
    expect(counts(await shop.quota(1))).toEqual({ ...NOTHING, ...counted });
    expect(counts(await shop.quota(2))).toEqual({ ...NOTHING, ...dated });
  }
});

test('§2.7 another event has counts of its own', async () => {
  const other = orderStated('B', [position(1)], { event: 'other' });
  await shop.state(
    ON_NO_DATE,
    other,
    cartStated(1, { event: 'other' }),
    voucherStated(1, { event: 'other', item: PASS }),
  );
  expect(counts(await shop.quota(1))).toEqual(NOTHING);
});

test('§8.4 the quotas of a product come in the order of their names, each with its own numbers', async () => {
  await shop.state(
    quotaStated(1, { name: 'Zelte', items: [PASS, 3] }),
    quotaStated(2, { name: 'ähnlich', size: null }),
    quotaStated(3, { name: 'Alle', closed: true, close_when_sold_out: true }),
    quotaStated(4, { items: [3] }),
    quotaStated(5, { subevent: DATE }),
    orderStated('A', [position(1), position(2, { item: 3 })]),
  );
  const { quotas, product, now } = await shop.hold();
  expect(quotas.map(({ id, paid, size, closed }) => ({ id, paid, size, closed }))).toEqual([
    { id: 3, paid: 1, size: 100, closed: true },
    { id: 1, paid: 2, size: 100, closed: false },
    { id: 2, paid: 1, size: null, closed: false },
  ]);
  expect(product).toEqual({ name: 'Pass', seated: false });
  expect(Math.abs(Date.parse(now) - Date.now())).toBeLessThan(60_000);
  expect((await shop.hold({ date: DATE })).quotas.map(({ id }) => id)).toEqual([5]);
  expect((await shop.hold({ item: 99 })).quotas).toEqual([]);
});

test('§2.7 a quota brings the revision of its fact, which alone opens it again', async () => {
  await shop.state(quotaStated(1), quotaStated(1, { closed: true }), quotaStated(1));
  expect((await shop.hold()).quotas[0]).toMatchObject({ closed: false, revision: 2 });
});

test('quotas are asked for by id, of one event', async () => {
  await shop.state(quotaStated(1, { name: 'B' }), quotaStated(2, { name: 'A' }), quotaStated(3, { event: 'other' }));
  const reader = await shop.reader();
  const { quotas } = await reader.quotas(where, [1, 2, 3, 4], 0);
  expect(quotas.map(({ id }) => id)).toEqual([2, 1]);
  await expect(reader.quotas({ ...where, event: 'gone' }, [1], 0)).rejects.toMatchObject({ status: 403 });
});
