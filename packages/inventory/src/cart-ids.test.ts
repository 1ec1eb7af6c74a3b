import { historyInTest, type HistoryInTest } from '@gatehouse/eventing/history-in-test';
import { migrate } from '@gatehouse/eventing/postgres';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { cartIds } from './cart-ids';

let history: HistoryInTest;
let pool: Pool;
beforeAll(async () => {
  history = await historyInTest({ context: 'inventory' });
  ({ pool } = history.open());
  await migrate(pool, 'inventory', join(__dirname, '..', 'sql'));
});
afterAll(() => history.close());

/** A pool that counts its statements. */
function counted(): { pool: Pool; asked(): number } {
  let asked = 0;
  const query = (...args: Parameters<Pool['query']>) => {
    asked++;
    return pool.query(...args);
  };
  return { pool: { query } as unknown as Pool, asked: () => asked };
}

test('ids begin at a thousand millions, are nobody else’s, and cost a query for each thousand', async () => {
  const [one, other] = [counted(), counted()];
  const [ours, theirs] = [cartIds(one.pool), cartIds(other.pool)];
  const all: number[] = [];
  const taking = Array.from({ length: 400 }, async (_, n) =>
    all.push(...(await (n % 2 === 0 ? ours : theirs).take(15))),
  );
  await Promise.all(taking);
  all.push(...(await ours.take(2_500)));
  expect(new Set(all).size).toBe(8_500);
  expect(Math.min(...all)).toBe(1_000_000_000);
  expect(one.asked() + other.asked()).toBeLessThanOrEqual(11);
});

test('what was taken for nothing is given to the next, in their order', async () => {
  const ids = cartIds(pool);
  const [a, b, c] = (await ids.take(3)) as [number, number, number];
  ids.giveBack([c, a]);
  expect(await ids.take(2)).toEqual([a, c]);
  const later = await ids.take(2);
  expect(later[0]).toBeGreaterThan(c);
  expect([a, b, c]).toEqual([a, a + 1, a + 2]);
});

test('a block that could not be fetched is fetched by the next who asks; the last ids fit', async () => {
  let isAway = true;
  const query = (...args: Parameters<Pool['query']>) =>
    isAway ? Promise.reject(new Error('Connection terminated')) : pool.query(...args);
  const ids = cartIds({ query } as unknown as Pool);
  await expect(ids.take(1)).rejects.toThrow('the database is away');
  isAway = false;
  await pool.query("select setval('cart_ids', 2147482000 - 1000)");
  expect(await ids.take(1)).toEqual([2_147_482_000]);
});
