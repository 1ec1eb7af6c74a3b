import { setTimeout as sleep } from 'node:timers/promises';
import { observeExecuted, type Executed, type Plan } from '@gatehouse/test-support/executed';
import {
  cartStated,
  eventStated,
  orderStated,
  PASS,
  position,
  quotaStated,
  seatStated,
  shopInTest,
  voucherStated,
  where,
  type ShopInTest,
} from './shop-in-test';

/*
 * What a look-up reads does not grow with the shop. The plan is made while the tables are empty and nobody analyses them, as in the
 * minute after an import; counted are the rows that it really read.
 */

const SEATS = 60_000;
const A_ROW = 300;
const VOUCHERS = 100_000;
const CARTS = 20_000;
const DAY_MS = 86_400_000;

let shop: ShopInTest;
let forget: () => void;
const executed: Executed[] = [];

beforeAll(async () => {
  shop = await shopInTest();
  const { rows } = await shop.pool.query<{ name: string }>(
    "select relname as name from pg_class where relkind = 'r' and relnamespace = 'inventory'::regnamespace",
  );
  for (const { name } of rows) await shop.pool.query(`alter table ${name} set (autovacuum_enabled = off)`);
  await shop.state(eventStated({ seating_minimal_distance: 2 }), quotaStated(1));
  // What fills the tables is connected by now; what reads them is not yet.
  forget = observeExecuted((each) => {
    if (each.text.includes('from clock')) executed.push(each);
  });
  for (let n = 0; n < 7; n++) await shop.hold({ seat: 'S-1', voucher: 'CODE1' });
});
afterAll(async () => {
  await shop.close();
  forget();
});

/** Rows that the scans of a plan read from tables, those that they dropped included. */
function rowsRead(plan: Plan): number {
  const own =
    plan['Relation Name'] === undefined
      ? 0
      : (plan['Actual Rows'] + (plan['Rows Removed by Filter'] ?? 0)) * plan['Actual Loops'];
  return own + (plan.Plans ?? []).reduce((sum, each) => sum + rowsRead(each), 0);
}

/** What the look-ups of some work read, together. */
async function costOf(work: () => Promise<unknown>): Promise<{ statements: number; rows: number; pages: number }> {
  executed.length = 0;
  await work();
  // Plans are told beside the answers.
  while (executed.length === 0) await sleep(5);
  const sum = (of: (each: Executed) => number) => executed.reduce((total, each) => total + of(each), 0);
  return { statements: executed.length, rows: sum(({ plan }) => rowsRead(plan)), pages: sum(({ buffers }) => buffers) };
}

test(`§2.8 of ${SEATS} seats those near one are read by an index`, async () => {
  const seats = Array.from({ length: SEATS }, (_, n) => {
    const [x, y] = [n % A_ROW, Math.floor(n / A_ROW)];
    return seatStated(n + 1, { row_name: `Row ${y}`, x, y });
  });
  const seated = [77_000, 77_001].map((id, n) =>
    position(id, { seat: { id: 1, name: '', seat_guid: `S-${150 + 100 * A_ROW + n + 1}` } }),
  );
  await shop.state(eventStated({ seating_minimal_distance: 2 }), ...seats, orderStated('SEATS', seated));
  const { seat } = await shop.hold({ seat: `S-${150 + 100 * A_ROW}` });
  expect(seat!.near).toHaveLength(24);
  expect(seat!.near.filter(({ sold }) => sold)).toHaveLength(2);
  const cost = await costOf(() => shop.hold({ seat: `S-${150 + 100 * A_ROW}` }));
  expect(cost.statements).toBe(1);
  expect(cost.rows).toBeLessThan(60);
  expect(cost.pages).toBeLessThan(400);
  await shop.state(eventStated({ seating_minimal_distance: 2, seating_distance_within_row: true }));
  expect((await shop.hold({ seat: `S-${150 + 100 * A_ROW}` })).seat!.near).toHaveLength(4);
  await shop.state(eventStated());
  expect((await costOf(() => shop.hold({ seat: `S-${150 + 100 * A_ROW}` }))).rows).toBeLessThan(5);
}, 60_000);

test(`§2.7 ${VOUCHERS} blocking vouchers and ${CARTS} carts that end at different times cost a few rows`, async () => {
  const now = Date.now();
  const later = (ms: number) => new Date(now + ms).toISOString();
  const endOf = (n: number) => {
    if (n % 100 === 0) return null;
    const end = later(DAY_MS * (2 + (n % 1_000)) + n);
    return n % 10 === 0 ? end : `${end.slice(0, 10)}T23:59:59Z`;
  };
  for (let from = 0; from < VOUCHERS; from += 20_000) {
    const vouchers = Array.from({ length: 20_000 }, (_, n) =>
      // Most end at the end of a day, as shops set it; one of a hundred never, and one of ten at a time of its own.
      voucherStated(from + n + 1, {
        item: PASS,
        valid_until: endOf(from + n),
      }),
    );
    await shop.state(...vouchers);
  }
  // All of them within half an hour.
  const carts = Array.from({ length: CARTS }, (_, n) =>
    cartStated(n + 1, { expires: later(600_000 + n * 90), voucher: n % 2 === 0 ? n + 1 : null }),
  );
  await shop.state(...carts);
  const { quotas, voucher } = await shop.hold({ voucher: 'code50000' });
  expect(quotas[0]).toMatchObject({ vouchers: VOUCHERS, carts: CARTS / 2 });
  expect(voucher).toMatchObject({ id: 50_000, max_usages: 1 });
  const one = await costOf(() => shop.hold({ voucher: 'CODE50000' }));
  expect(one.statements).toBe(1);
  expect(one.rows).toBeLessThan(250);
  expect(one.pages).toBeLessThan(500);

  const reader = await shop.reader();
  const product = { item: PASS, variation: null, date: null };
  const ask = { where, product, productName: 'Pass', voucher: 'CODE50000', seat: null, learned: 0 };
  const many = await costOf(() => Promise.all(Array.from({ length: 400 }, () => reader.hold(ask))));
  expect(many.statements).toBe(1);
  expect(many.rows).toBeLessThan(one.rows + 50);
  const [a, b] = await Promise.all([reader.hold(ask), reader.hold(ask)]);
  expect(a.quotas).toBe(b.quotas);
}, 120_000);
