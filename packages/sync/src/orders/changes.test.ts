import { historyInTest, type HistoryInTest } from '@gatehouse/eventing/history-in-test';
import { installReadModel } from '@gatehouse/eventing/read-model';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { Changes } from './changes';
import { orderFinder } from './find';
import { ORDERS, ordersModel } from './read-model';

/* How many orders have changed since a scanner's last visit, which PostgreSQL does not count each time (clients.md §2). */

const at = (n: number) => new Date(Date.UTC(2027, 5, 20) + n).toISOString().replace('Z', '000Z');

/** Orders change one after another; each visit is told of what has changed since an earlier one began, as its query found it. */
type Step = { readonly order: number; readonly testmode: boolean } | { readonly visitFrom: number };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ order: fc.nat(9), testmode: fc.boolean() }),
  fc.record({ visitFrom: fc.nat(3) }),
);

test('they are those of the table, whatever each visit adds and however little is kept', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 12 }), (steps, most) => {
      const table = new Map<string, { testmode: boolean; modified: string }>([
        ['0', { testmode: false, modified: at(0) }],
      ]);
      const changes = new Changes('1', at(1), most);
      changes.add([], at(0));
      const heads = [at(0)];
      steps.forEach((each, i) => {
        const now = at(i + 1);
        if ('order' in each) {
          table.set(String(each.order), { testmode: each.testmode, modified: now });
          return;
        }
        const after = heads.at(-1 - each.visitFrom) ?? heads[0]!;
        const rows = [...table].map(([stream, row]) => ({ stream, ...row }));
        const seen = rows
          .map(({ modified }) => modified)
          .sort()
          .at(-1)!;
        const added = rows.filter(({ modified }) => modified > after);
        changes.add(
          added.sort((a, b) => (a.modified < b.modified ? -1 : 1)),
          seen,
        );
        heads.push(changes.head);
        for (let j = 0; j <= i + 1; j++) {
          if (!changes.holds(at(j))) continue;
          for (const testmode of [undefined, true, false]) {
            const counted = rows.filter((row) => row.modified >= at(j) && (testmode ?? row.testmode) === row.testmode);
            expect(changes.count(at(j), testmode)).toBe(counted.length);
          }
        }
      });
      // What was before it began is not known.
      expect(changes.holds(at(0))).toBe(false);
    }),
  );
});

describe('a page of changed orders', () => {
  let history: HistoryInTest;
  let pool: Pool;
  let counted: number;
  let page: (since: number, testmode?: boolean) => Promise<number>;
  beforeEach(async () => {
    history = await historyInTest();
    ({ pool } = history.open());
    await installReadModel(ordersModel, { pool, schema: 'admission', feeds: new Map() });
    counted = 0;
    const counting = {
      query(asked: unknown, values: unknown[]) {
        if (typeof asked === 'string' && asked.includes('count(*)')) counted += 1;
        return (pool.query as (...all: unknown[]) => unknown)(asked, values);
      },
    };
    const finder = orderFinder(counting as unknown as Pool);
    page = async (since, testmode) => {
      const sort = [{ field: 'last_modified', descending: true }] as const;
      const found = await finder.page('demo/openair', {
        sort,
        offset: 0,
        limit: 2,
        modifiedSince: at(since),
        testmode,
      });
      return found.count;
    };
    await change(1, 20, 0);
  });
  afterEach(() => history.close());

  /** Orders `from` to `to` change at the instant `now`; every second one is in test mode. */
  const change = (from: number, to: number, now: number) =>
    pool.query(
      `insert into shown_orders (stream, event, code, status, testmode, datetime, modified)
       select n::text, 'demo/openair', n::text, 'p', n % 2 = 0, $3, $3 from generate_series($1::integer, $2::integer) n
       on conflict (stream) do update set modified = excluded.modified`,
      [from, to, at(now)],
    );

  test('is counted once; from then on what is new is added, and a longer absence is counted in the table', async () => {
    await change(1, 4, 2);
    expect(await page(1)).toBe(4);
    expect(counted).toBe(1);
    await change(3, 7, 3);
    expect(await Promise.all([page(1), page(2), page(3), page(3, true), page(4)])).toEqual([7, 7, 5, 2, 0]);
    expect(counted).toBe(1);
    expect(await page(0)).toBe(20);
    expect(counted).toBe(2);
    expect(await page(0, false)).toBe(10);
    expect(counted).toBe(2);
  });

  test('is counted anew when more has changed than a page reads, and after a rebuild', async () => {
    await change(1, 1, 2);
    await page(1);
    await change(1, 6_000, 3);
    expect(await page(2)).toBe(6_000);
    await change(1, 3, 4);
    expect(await page(4)).toBe(3);
    expect(counted).toBe(2);
    await pool.query('update read_models set generation = generation + 1 where name = $1', [ORDERS]);
    await pool.query('update shown_orders set modified = $1', [at(5)]);
    expect(await page(4)).toBe(6_000);
    expect(await page(6)).toBe(0);
    expect(counted).toBe(3);
  });

  test('is counted by PostgreSQL when there is more than is remembered', async () => {
    await change(1, 20_001, 2);
    expect(await page(1)).toBe(20_001);
    await change(1, 1, 3);
    expect(await page(3)).toBe(1);
    expect(await page(1)).toBe(20_001);
    expect(counted).toBe(3);
    expect(await page(3)).toBe(1);
    expect(counted).toBe(3);
  });
});
