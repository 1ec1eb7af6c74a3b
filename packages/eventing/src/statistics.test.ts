import { historyInTest, until, type HistoryInTest } from './history-in-test';
import { inTransaction } from './postgres';
import { keepStatistics } from './statistics';
import type { Pool } from 'pg';

/* A table that was just filled is planned well before autovacuum, which is off here, would have looked at it. */

let history: HistoryInTest;
let pool: Pool;
beforeEach(async () => {
  history = await historyInTest();
  ({ pool } = history.open());
  await pool.query('create table things (id integer, text text) with (autovacuum_enabled = off, fillfactor = 10)');
});
afterEach(() => history.close());

/** Under a lock that ANALYZE and VACUUM respect: else one of them might count most of the pages before the rows are committed. */
const fill = (from: number, count: number) =>
  inTransaction(pool, async (tx) => {
    await tx.query('lock table things in share update exclusive mode');
    await tx.query("insert into things select id, repeat('x', 500) from generate_series($1::integer, $2::integer) id", [
      from,
      from + count - 1,
    ]);
  });

/** The pages that the table has, and those that VACUUM and ANALYZE have seen. */
async function pages() {
  const { rows } = await pool.query<{ all: number; analysed: number; visible: number }>(
    `select (pg_relation_size(oid) / 8192)::integer as all, relpages as analysed, relallvisible as visible
     from pg_class where oid = 'admission.things'::regclass`,
  );
  return rows[0]!;
}

/** Of the histogram of `id`. */
async function bounds(): Promise<number> {
  const { rows } = await pool.query<{ bounds: number }>(
    `select cardinality(histogram_bounds::text::integer[]) as bounds from pg_stats
     where schemaname = 'admission' and tablename = 'things' and attname = 'id'`,
  );
  return rows[0]!.bounds;
}

test('a table is analysed and vacuumed when it has doubled, and when it has grown by less and stopped', async () => {
  const stop = new AbortController();
  const kept = keepStatistics({ pool, schema: 'admission', tables: ['things'] }, stop.signal);
  const isKnown = async () => {
    const { all, analysed, visible } = await pages();
    return analysed === all && visible === all;
  };
  await fill(1, 200);
  await until(isKnown);
  expect(await bounds()).toBe(101);
  const before = (await pages()).all;
  await fill(201, 100);
  const { all } = await pages();
  expect(all).toBeGreaterThan(1.1 * before);
  expect(all).toBeLessThan(2 * before);
  await until(isKnown);
  // Of the smaller growth a sample is enough: PostgreSQL keeps as many bounds as it has steps.
  expect(await bounds()).toBe(11);
  stop.abort();
  await kept;
});
