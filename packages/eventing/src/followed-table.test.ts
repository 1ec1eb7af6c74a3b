import { StoreUnavailable } from './event-store';
import { cuttingProxy, type CuttingProxy } from './cut-in-test';
import { followTable, type FollowedTable } from './followed-table';
import { historyInTest, until, type HistoryInTest, type Opened } from './history-in-test';
import { inTransaction } from './postgres';

const MODEL = 'things';
/** Held by a test while a read is to stand still, after PostgreSQL has begun it and chosen what it sees. */
const GATE = 77;

type Row = { readonly id: string; readonly text: string; readonly change: string };
const CHANGED_AFTER = `
  select id, text, change from things
  where change > $1 and (select pg_advisory_xact_lock_shared(${GATE}) is not null and nextval('reads') > 0)
  order by change`;

let history: HistoryInTest;
let writer: Opened;
let followed: FollowedTable[] = [];

beforeAll(async () => {
  history = await historyInTest();
  writer = history.open();
});
afterAll(() => history.close());
beforeEach(async () => {
  await writer.pool.query('drop table if exists things; drop sequence if exists reads; delete from read_models');
  await writer.pool.query('create sequence reads');
  await writer.pool.query('insert into read_models (name, version) values ($1, 1)', [MODEL]);
  await newTable();
});
afterEach(() => {
  followed.forEach((each) => each.close());
  followed = [];
});

const newTable = () =>
  writer.pool.query('create table things (id text primary key, text text, change bigint not null)');

/** What a projection does in its transaction; `told`: with the notification, which is in the transaction as well. */
const state = (id: string, text: string, { told = true, change }: { told?: boolean; change?: number } = {}) =>
  inTransaction(writer.pool, async (tx) => {
    await tx.query('lock table things in share row exclusive mode');
    await tx.query(
      `insert into things select $1, $2, coalesce($3, (select max(change) from things) + 1, 1)
       on conflict (id) do update set text = excluded.text, change = excluded.change`,
      [id, text, change],
    );
    if (told) await tx.query('select tell($1)', [`${history.schema}.${MODEL}`]);
  });

const readsBegun = async (): Promise<number> => {
  const { rows } = await writer.pool.query<{ n: string }>(
    'select case when is_called then last_value else 0 end as n from reads',
  );
  return Number(rows[0]!.n);
};

/** A process's memory of the table. */
async function follow({ pool = writer.pool, listener = writer.listener }: Partial<Opened> = {}) {
  const memory = new Map<string, string>();
  const table = await followTable<Row>(
    {
      readModel: MODEL,
      changedAfter: CHANGED_AFTER,
      take(rows, isAll) {
        if (isAll) memory.clear();
        for (const { id, text } of rows) memory.set(id, text);
      },
    },
    { pool, listener, schema: history.schema },
  );
  followed.push(table);
  return { memory, table, has: (id: string, text: string) => until(() => memory.get(id) === text) };
}

/** Holds every read that begins until the returned function is called. */
async function holdReads(): Promise<() => Promise<void>> {
  const client = await writer.pool.connect();
  await client.query('select pg_advisory_lock($1)', [GATE]);
  return async () => {
    await client.query('select pg_advisory_unlock($1)', [GATE]);
    client.release();
  };
}
const isHeld = async (): Promise<boolean> => {
  const { rowCount } = await writer.pool.query(
    "select 1 from pg_locks where locktype = 'advisory' and objid = $1 and not granted",
    [GATE],
  );
  return rowCount! > 0;
};

test('has the whole table when it is open, then what changes', async () => {
  await state('a', '1');
  const { memory, table, has } = await follow();
  expect([...memory]).toEqual([['a', '1']]);
  table.requireRead();
  await state('b', '1');
  await has('b', '1');
  await state('a', '2');
  await has('a', '2');
  expect(memory.size).toBe(2);
});

test('reads an empty table, too', async () => {
  const { memory, table } = await follow();
  expect(memory.size).toBe(0);
  table.requireRead();
});

test('a change during a read, which does not see it, is read afterwards', async () => {
  await state('a', '1');
  const open = await holdReads();
  const opening = follow();
  await until(isHeld);
  await state('a', '2');
  await state('b', '2');
  await open();
  const { memory, has } = await opening;
  expect(memory.has('a')).toBe(true);
  await has('a', '2');
  await has('b', '2');
});

test('who asks during a read is served by one read after it, all together', async () => {
  const { memory, table } = await follow();
  // The listener's first call, which comes once it listens, asks for a read, too.
  await state('before', '1');
  await until(() => memory.has('before'));
  await table.refresh();
  const before = await readsBegun();
  const open = await holdReads();
  const first = table.refresh();
  await until(isHeld);
  await state('late', '1', { told: false });
  const asked = [table.refresh(), table.refresh(), table.refresh()];
  await open();
  await first;
  expect(memory.has('late')).toBe(false);
  await Promise.all(asked);
  expect(memory.get('late')).toBe('1');
  expect((await readsBegun()) - before).toBe(2);
});

test('many changes at once are all taken', async () => {
  const { memory } = await follow();
  const writes = Array.from({ length: 40 }, (_, n) => state(`t${n % 8}`, String(n)));
  await Promise.all(writes);
  const { rows } = await writer.pool.query<Row>('select id, text from things');
  await until(() => rows.every(({ id, text }) => memory.get(id) === text));
});

test('what was notified while the listener was away is read when it is back', async () => {
  const proxy: CuttingProxy = await cuttingProxy(history.url);
  const { listener } = history.open(proxy.url);
  const { memory, has } = await follow({ listener });
  await state('a', '1');
  await has('a', '1');
  proxy.cutAll();
  await state('b', '1');
  expect(memory.has('b')).toBe(false);
  proxy.restore();
  await has('b', '1');
  await proxy.close();
});

test('a read that fails is repeated without another notification, and what is in memory stays', async () => {
  const proxy = await cuttingProxy(history.url);
  const { pool } = history.open(proxy.url);
  await state('a', '1');
  const { memory, table, has } = await follow({ pool });
  proxy.cutAll();
  await state('b', '1');
  await expect(table.refresh()).rejects.toThrow(StoreUnavailable);
  table.requireRead();
  expect([...memory.keys()]).toEqual(['a']);
  proxy.restore();
  await has('b', '1');
  await proxy.close();
});

test('a table that is not there yet is read when it is', async () => {
  await writer.pool.query('drop table things');
  const { table, has } = await follow();
  expect(() => table.requireRead()).toThrow(StoreUnavailable);
  await expect(table.refresh()).rejects.toThrow(StoreUnavailable);
  await newTable();
  await state('a', '1', { told: false });
  await has('a', '1');
  table.requireRead();
});

test('of a rebuilt read model everything is read again, whatever its changes are numbered', async () => {
  await state('old', '1', { change: 900 });
  const { memory, table, has } = await follow();
  expect(memory.has('old')).toBe(true);
  await writer.pool.query('truncate things; update read_models set generation = generation + 1');
  await table.refresh();
  expect(memory.size).toBe(0);
  await state('new', '1', { change: 3 });
  await has('new', '1');
});

test('a statement that is wrong is an error at once', async () => {
  const wrong = { readModel: MODEL, changedAfter: 'select nothing from', take: () => undefined };
  const { pool, listener } = writer;
  await expect(followTable(wrong, { pool, listener, schema: history.schema })).rejects.toThrow('syntax error');
});
