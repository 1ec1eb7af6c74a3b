import { readdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { testDatabase, type TestDatabase } from '@gatehouse/test-support/postgres';
import { Client } from 'pg';
import { StoreUnavailable } from './event-store';
import { until } from './history-in-test';
import {
  EVENT_STORE_SQL,
  inTransaction,
  isConnectionError,
  listen,
  lockKey,
  migrate,
  openPool,
  waker,
} from './postgres';

let database: TestDatabase;
beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

test('migrate: several processes may start at once, and again', async () => {
  const pools = Array.from({ length: 6 }, () => openPool(database.url, 'admission', 1));
  await Promise.all(pools.map((pool) => migrate(pool, 'admission', EVENT_STORE_SQL)));
  await Promise.all(pools.map((pool) => migrate(pool, 'reference', EVENT_STORE_SQL)));
  await migrate(pools[0]!, 'admission', EVENT_STORE_SQL);
  const { rows } = await pools[0]!.query<{ name: string }>('select name from migrations order by name');
  const files = readdirSync(EVENT_STORE_SQL).filter((file) => file.endsWith('.sql'));
  expect(rows.map((row) => row.name)).toEqual(files.sort());
  await Promise.all(pools.map((pool) => pool.end()));
});

test('instants have six decimals or none, in UTC', async () => {
  const pool = openPool(database.url, 'public', 1);
  const { rows } = await pool.query<Record<string, string>>(
    `select '2026-11-20 13:45:30+01'::timestamptz a, '2026-11-20 13:45:30.5Z'::timestamptz b,
            '2026-11-20 13:45:30.000001-09:30'::timestamptz c, null::timestamptz d`,
  );
  expect(rows[0]).toEqual({
    a: '2026-11-20T12:45:30Z',
    b: '2026-11-20T13:45:30.500000Z',
    c: '2026-11-20T23:15:30.000001Z',
    d: null,
  });
  await pool.end();
});

test('inTransaction commits what was done, or nothing, and gives its connection back', async () => {
  const pool = openPool(database.url, 'public', 1);
  await pool.query('create table done (n integer primary key)');
  expect(await inTransaction(pool, async (tx) => (await tx.query('insert into done values (1)')).rowCount)).toBe(1);
  const failing = inTransaction(pool, async (tx) => {
    await tx.query('insert into done values (2)');
    throw new Error('mine');
  });
  await expect(failing).rejects.toThrow('mine');
  const swallowing = inTransaction(pool, async (tx) => {
    await tx.query('insert into done values (3)');
    await tx.query('insert into done values (1)').catch(() => undefined);
  });
  await expect(swallowing).rejects.toThrow('had failed');
  const broken = inTransaction(pool, async (tx) => {
    await tx.query('insert into done values (4)');
    await tx.query('select pg_terminate_backend(pg_backend_pid())');
  });
  await expect(broken).rejects.toBeInstanceOf(StoreUnavailable);
  expect((await pool.query('select n from done')).rows).toEqual([{ n: 1 }]);
  await pool.end();
});

test('isConnectionError tells an outage from a wrong statement', async () => {
  const pool = openPool(database.url, 'public', 1);
  const refused = openPool('postgresql://127.0.0.1:1/none', 'public', 1);
  const errors = await Promise.all([
    pool.query('select pg_terminate_backend(pg_backend_pid())').catch((error: unknown) => error),
    refused.query('select 1').catch((error: unknown) => error),
    pool.query({ text: 'select pg_sleep(5)', query_timeout: 50 }).catch((error: unknown) => error),
  ]);
  expect(errors.map(isConnectionError)).toEqual([true, true, true]);
  const wrong = await pool.query('select 1/0').catch((error: unknown) => error);
  expect(isConnectionError(wrong)).toBe(false);
  expect([undefined, null, 'Connection', new Error('no')].map(isConnectionError)).toEqual([false, false, false, false]);
  await pool.end();
  const ended = await pool.query('select 1').catch((error: unknown) => error);
  expect(isConnectionError(ended)).toBe(true);
});

test('a lock’s number is the same everywhere, and fits', () => {
  expect(lockKey('append', 'admission')).toBe(lockKey('append', 'admission'));
  expect(lockKey('append', 'admission')).not.toBe(lockKey('append', 'reference'));
  expect(BigInt(lockKey('Zoë', '🎟', 'x'.repeat(1_000))) < 2n ** 63n).toBe(true);
});

describe('listen', () => {
  const listenersOf = async (pool: ReturnType<typeof openPool>) =>
    (
      await pool.query<{ pid: number }>(
        `select pid from pg_stat_activity where datname = current_database()
         and (query = 'listen gatehouse' or query like 'select pg_advisory_%lock_shared(hashtextextended(%')`,
      )
    ).rows;

  test('hears its payload only, comes back after a break, calls everyone then, and forgets', async () => {
    const pool = openPool(database.url, 'public', 2);
    const listener = listen(database.url);
    const heard = { a: 0, b: 0 };
    const forgetA = listener.on('a', () => heard.a++);
    listener.on('b', () => heard.b++);
    // The first connection calls all callbacks, too.
    await until(() => heard.a === 1 && heard.b === 1);
    await pool.query(`select pg_notify('gatehouse', 'a')`);
    await until(() => heard.a === 2);
    expect(heard.b).toBe(1);

    const [{ pid }] = (await listenersOf(pool)) as [{ pid: number }];
    await pool.query('select pg_terminate_backend($1)', [pid]);
    await until(() => heard.a === 3 && heard.b === 2);

    forgetA();
    await pool.query(`select pg_notify('gatehouse', 'a'), pg_notify('gatehouse', 'b')`);
    await until(() => heard.b === 3);
    expect(heard.a).toBe(3);

    await listener.close();
    await until(async () => (await listenersOf(pool)).length === 0);
    await pool.end();
  });

  test('nothing is said while nobody hears, and nothing is missed by one who begins to', async () => {
    const pool = openPool(database.url, 'telling', 3);
    await migrate(pool, 'telling', EVENT_STORE_SQL);
    const listener = listen(database.url);
    // A connection that receives every notification, whoever subscribed to it.
    const said: string[] = [];
    const witness = new Client(database.url);
    await witness.connect();
    witness.on('notification', ({ payload }) => said.push(payload!));
    await witness.query('listen gatehouse');
    const awaited = async (payload: string) =>
      (
        await pool.query(
          `select 1 from pg_locks where locktype = 'advisory' and mode = 'ShareLock'
           and (classid::bigint << 32 | objid::bigint) = hashtextextended($1, 0)`,
          [payload],
        )
      ).rows.length > 0;

    await pool.query(`select tell('x'), tell('y')`);
    let heard = 0;
    const forget = listener.on('x', () => heard++);
    await until(() => heard === 1);
    await pool.query(`select tell('x'), tell('y')`);
    // The witness may hear it later than the listener.
    await until(() => heard === 2 && said.length > 0);
    expect(said).toEqual(['x']);

    // A second callback is called like the first; the payload's lock is held until both have unsubscribed.
    let second = 0;
    const forgetSecond = listener.on('x', () => second++);
    await until(() => second === 1);
    forget();
    await pool.query(`select tell('x')`);
    await until(() => second === 2);
    forgetSecond();
    await until(async () => !(await awaited('x')));
    await pool.query(`select tell('x')`);

    // A transaction that called tell before anybody subscribed sends no notification, but a subscriber that comes before
    // its end is called after it.
    const teller = await pool.connect();
    await teller.query('begin');
    await teller.query(`select tell('y')`);
    let seen: string | undefined;
    listener.on('y', () => (seen ??= told));
    let told = 'before the end';
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(seen).toBeUndefined();
    told = 'after it';
    await teller.query('commit');
    await until(() => seen !== undefined);
    expect(seen).toBe('after it');
    teller.release();

    await until(() => said.length > 1);
    expect(said).toEqual(['x', 'x']);
    await listener.close();
    await witness.end();
    await pool.end();
  });

  test('can be closed at once, and while the database is away', async () => {
    const away = listen('postgresql://127.0.0.1:1/none');
    const early = listen(database.url);
    await early.close();
    await new Promise((resolve) => setTimeout(resolve, 200));
    await away.close();
    const pool = openPool(database.url, 'public', 1);
    await until(async () => (await listenersOf(pool)).length === 0);
    await pool.end();
  });
});

test('a wake before the wait is not lost, and an abort ends it', async () => {
  const never = new AbortController().signal;
  const waiting = waker();
  waiting.wake();
  await waiting.next(never, 1e9);
  const second = waiting.next(never, 1e9);
  waiting.wake();
  await second;
  const stop = new AbortController();
  const third = waiting.next(stop.signal, 1e9);
  stop.abort();
  await third;
  await waiting.next(stop.signal, 1e9);
  await waiting.next(never, 1);
});

test('a connection that breaks in the very packet in which it opens does not end the process', async () => {
  const message = (type: string, ...body: Buffer[]) => {
    const content = Buffer.concat(body);
    const length = Buffer.alloc(4);
    length.writeInt32BE(content.length + 4);
    return Buffer.concat([Buffer.from(type), length, content]);
  };
  const authenticated = message('R', Buffer.alloc(4));
  const ready = message('Z', Buffer.from('I'));
  const killed = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'));
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.write(Buffer.concat([authenticated, ready, killed])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const pool = openPool(`postgres://x:x@127.0.0.1:${port}/x`, 'public', 1);
  await expect(inTransaction(pool, () => Promise.resolve())).rejects.toBeInstanceOf(StoreUnavailable);
  await pool.end();
  await new Promise((resolve) => server.close(resolve));
});
