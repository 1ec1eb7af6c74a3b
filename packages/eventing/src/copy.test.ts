import fc from 'fast-check';
import type { Pool } from 'pg';
import { copyRows } from './copy';
import { historyInTest, type HistoryInTest } from './history-in-test';
import { inTransaction, isPassing } from './postgres';

let history: HistoryInTest;
let pool: Pool;
beforeAll(async () => {
  history = await historyInTest();
  ({ pool } = history.open());
  await pool.query('create table things (id integer primary key, text text, flag boolean, facts json)');
});
beforeEach(() => pool.query('truncate things'));
afterAll(() => history.close());

const THINGS = { name: 'things', columns: ['id', 'text', 'flag', 'facts'] } as const;
const numbered = (count: number) =>
  Array.from({ length: count }, (_none, id) => ({ id, text: 'x'.repeat(500), flag: true, facts: { id } }));

test('rows are stored as they are, whatever their texts contain', async () => {
  // PostgreSQL stores no NUL.
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom('\\', '\n', '\r', '\t', 'N', '.', '"', 'n', '\u{1F3AB}', '\u0001', '\u007f') }),
    fc.string({ unit: 'grapheme' }).map((any) => any.replaceAll('\0', '')),
  );
  const row = fc.record({
    text: fc.option(text),
    flag: fc.option(fc.boolean()),
    facts: fc.option(fc.dictionary(text, text)),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 20 }), async (made) => {
      await pool.query('truncate things');
      const rows = made.map((each, id) => ({ id, ...each }));
      await inTransaction(pool, (tx) => copyRows(tx, THINGS, rows));
      expect((await pool.query('select * from things order by id')).rows).toEqual(rows);
    }),
    { numRuns: 100 },
  );
});

test('many rows are written in parts', async () => {
  await inTransaction(pool, (tx) => copyRows(tx, THINGS, numbered(3_000)));
  expect((await pool.query('select count(*)::integer as n from things where length(text) = 500')).rows).toEqual([
    { n: 3_000 },
  ]);
});

test.each([
  ['a row that is there already', 23505, (rows: ReturnType<typeof numbered>) => [...rows, { ...rows[0]! }]],
  [
    'a row in the middle that PostgreSQL refuses',
    '22021',
    (rows) => rows.with(1_500, { ...rows[1_500]!, text: 'a\0b' }),
  ],
  ['the first row', '22003', (rows) => [{ ...rows[0]!, id: 3_000_000_000 }, ...rows.slice(1)]],
] as [string, number | string, (rows: ReturnType<typeof numbered>) => ReturnType<typeof numbered>][])(
  '%s: nothing is written, the error is its own, and the connection can be used',
  async (_what, code, change) => {
    const client = await pool.connect();
    try {
      await client.query('begin');
      const error: unknown = await copyRows(client, THINGS, change(numbered(3_000))).catch((each: unknown) => each);
      expect(error).toMatchObject({ code: String(code) });
      expect(isPassing(error)).toBe(false);
      await client.query('rollback');
      expect((await client.query('select count(*)::integer as n from things')).rows).toEqual([{ n: 0 }]);
    } finally {
      client.release();
    }
  },
);

test('a connection that breaks meanwhile is reported as such', async () => {
  const failed = inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid');
    const copied = copyRows(tx, THINGS, numbered(100_000));
    await pool.query('select pg_terminate_backend($1)', [rows[0]!.pid]);
    await copied;
  });
  await expect(failed).rejects.toThrow('the database is away');
  expect((await pool.query('select count(*)::integer as n from things')).rows).toEqual([{ n: 0 }]);
});
