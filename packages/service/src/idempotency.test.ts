import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { openPool } from '@gatehouse/eventing/postgres';
import { testDatabase, type TestDatabase } from '@gatehouse/test-support/postgres';
import { ApiError } from './errors';
import { route, type Route } from './http';
import { IDEMPOTENCY_SQL, openIdempotency, type Idempotency } from './idempotency';
import { createLog } from './log';
import type { Reply } from './reply';
import { call, knownCredentials, startApp, tokenOf, type Ask, type TestApp } from './testing';

const CARTS = '/api/v1/organizers/demo/events/openair/cartpositions/';
const log = createLog('silent');
const flags = ['can_view_orders', 'can_change_orders'] as const;
const credentials = knownCredentials({
  full: tokenOf('demo', flags),
  other: tokenOf('demo', flags),
  viewer: tokenOf('demo', ['can_view_orders']),
});

let database: TestDatabase;
let pool: Pool;
let idempotency: Idempotency;
let app: TestApp;

/** The handler's next reply, and the namespaces with which it was called. */
let answer: (body: unknown) => Reply | Promise<Reply>;
let namespaces: (string | undefined)[];
/** Whether each was told that it may have run before. */
let again: (boolean | undefined)[];
let ran: number;

const access = { safe: 'can_view_orders', unsafe: 'can_change_orders' } as const;
const create: Route['POST'] = async (request) => {
  ran++;
  namespaces.push(request.idempotency?.namespace);
  again.push(request.idempotency?.again);
  return answer(await request.body());
};
const routes = [
  route('organizers/:organizer/events/:event/cartpositions/', {
    name: 'cartpositions',
    access,
    GET: () => ({ status: 200, body: 'list' }),
    POST: create,
  }),
  route('organizers/:organizer/events/:event/cartpositions/:id/', {
    name: 'cartpositions',
    access,
    DELETE: () => ({ status: 204 }),
  }),
];

beforeAll(async () => {
  database = await testDatabase();
  pool = openPool(database.url, 'carts', 5);
  await pool.query('create schema carts');
  await pool.query(readFileSync(join(IDEMPOTENCY_SQL, '100-idempotency.sql'), 'utf8'));
  idempotency = openIdempotency(pool, log);
  app = await startApp({ routes, credentials, idempotency });
});
beforeEach(async () => {
  await pool.query('delete from idempotency');
  ran = 0;
  namespaces = [];
  again = [];
  answer = (body) => ({ status: 201, body: { ran, body }, headers: { 'X-Own': 'yes' } });
});
afterAll(async () => {
  await app.close();
  await idempotency.close();
  await pool.end();
  await database.drop();
});

const keyed = (key: string, ask: Ask = {}): Ask => ({
  token: 'full',
  ...ask,
  headers: { 'x-idempotency-key': key, ...ask.headers },
});
const post = (key: string, ask: Ask = {}) => app.call('POST', CARTS, keyed(key, ask));
const rows = async () => (await pool.query<{ n: number }>('select count(*)::int as n from idempotency')).rows[0]!.n;

/** Resolves when `open` is called. */
function gate(): { passed: Promise<void>; open(): void } {
  let open: () => void = () => undefined;
  const passed = new Promise<void>((resolve) => (open = resolve));
  return { passed, open };
}

describe('201', () => {
  test('a repeat gets the identical reply, whatever it asks', async () => {
    const first = await post('k', { json: { cart_id: 'idem@api' } });
    expect(first).toMatchObject({ status: 201, body: { ran: 1 } });
    const { date: _date, ...headers } = first.headers;
    for (const repeat of [
      await post('k', { json: { cart_id: 'idem@api' } }),
      await post('k', { json: { cart_id: 'idem2@api' } }),
      await post('k', { body: 'x', headers: { 'content-type': 'text/plain' } }),
      await app.call('DELETE', `${CARTS}7/`, keyed('k')),
      await app.call('PUT', `${CARTS}?a=1`, keyed('k')),
    ]) {
      expect(repeat).toMatchObject({ status: 201, text: first.text, headers });
    }
    expect(ran).toBe(1);
  });

  test('other keys and other credentials are other requests', async () => {
    await post('k');
    expect(await post('l')).toMatchObject({ body: { ran: 2 } });
    expect(await post('k', { token: 'other' })).toMatchObject({ body: { ran: 3 } });
    expect(await post('k', { headers: { cookie: 'a=1; pretix_session=x' } })).toMatchObject({ body: { ran: 4 } });
    expect(await post('k')).toMatchObject({ body: { ran: 1 } });
  });

  test('without the header, or with an empty one, nothing is kept', async () => {
    await app.call('POST', CARTS, { token: 'full' });
    await post('');
    expect([ran, namespaces, await rows()]).toEqual([2, [undefined, undefined], 0]);
  });

  test('GET ignores the header', async () => {
    expect(await app.call('GET', CARTS, keyed('k'))).toMatchObject({ status: 200, body: 'list' });
    expect(await rows()).toBe(0);
  });

  test('204 is kept with its empty body', async () => {
    expect(await app.call('DELETE', `${CARTS}7/`, keyed('k'))).toMatchObject({ status: 204, text: '' });
    expect(await post('k')).toMatchObject({ status: 204, text: '' });
    expect(ran).toBe(0);
  });

  test('a key is forgotten after 24 hours, and the next request is another one', async () => {
    await post('k');
    await pool.query("update idempotency set created = created - interval '25 hours'");
    expect(await app.call('GET', '/api/v1/idempotency_query?key=k', { token: 'full' })).toMatchObject({ status: 404 });
    expect(await post('k')).toMatchObject({ body: { ran: 2 } });
    expect(new Set(namespaces).size).toBe(2);
    expect(await post('k')).toMatchObject({ body: { ran: 2 } });
  });

  test('many repeats at once get the reply', async () => {
    await post('k');
    const repeats = await Promise.all(Array.from({ length: 20 }, () => post('k')));
    expect(repeats.map((repeat) => repeat.status)).toEqual(Array(20).fill(201));
    expect(ran).toBe(1);
  });
});

test('400 and 403 are kept', async () => {
  answer = () => {
    throw new ApiError(400, { item: ['wrong'] });
  };
  expect(await post('k')).toMatchObject({ status: 400, body: { item: ['wrong'] } });
  expect(await post('k')).toMatchObject({ status: 400, body: { item: ['wrong'] } });
  expect(ran).toBe(1);
  expect(await app.call('POST', CARTS, keyed('k', { token: 'viewer' }))).toMatchObject({ status: 403 });
  expect(await rows()).toBe(2);
});

test('400 for a key of more than 190 characters', async () => {
  expect(await post('k'.repeat(190))).toMatchObject({ status: 201 });
  expect(await post('k'.repeat(191))).toMatchObject({ status: 400, body: { detail: expect.any(String) } });
});

test('401 is not kept', async () => {
  expect(await post('k', { token: 'nosuch' })).toMatchObject({ status: 401 });
  expect(await rows()).toBe(0);
});

test.each([409, 429, 500, 503])('%i sets the key free', async (status) => {
  answer = () => {
    throw status === 500 ? new Error('a bug') : new ApiError(status, { detail: 'later' }, { 'Retry-After': '5' });
  };
  expect(await post('k')).toMatchObject({ status });
  answer = () => ({ status: 201, body: 'now' });
  expect(await post('k')).toMatchObject({ status: 201, body: 'now' });
});

test.each([500, 503])(
  'after %i, of which nobody knows what it has done, the next try has the same namespace',
  async (status) => {
    answer = () => {
      throw status === 503 ? new ApiError(503, { detail: 'later' }) : new Error('a bug');
    };
    expect(await post('k')).toMatchObject({ status });
    expect(await app.call('GET', '/api/v1/idempotency_query?key=k', { token: 'full' })).toMatchObject({
      status: 404,
      body: { detail: 'Idempotency key not seen before.' },
    });
    answer = () => ({ status: 201, body: 'now' });
    const both = await Promise.all([post('k'), post('k')]);
    expect(both.map((each) => each.status).sort()).toEqual(expect.arrayContaining([201]));
    expect(await post('k')).toMatchObject({ status: 201, body: 'now' });
    expect([ran, new Set(namespaces).size]).toEqual([2, 1]);
    expect(again).toEqual([false, true]);
  },
);

describe('409', () => {
  const concurrent = {
    status: 409,
    text: '{"detail": "Concurrent request with idempotency key."}',
    headers: { 'retry-after': '5', 'content-type': 'application/json' },
  };

  test('while the first one runs, in this process and from another one', async () => {
    const { passed, open } = gate();
    const started = gate();
    answer = async () => {
      started.open();
      await passed;
      return { status: 201, body: 'first' };
    };
    const first = post('k');
    await started.passed;
    expect(await post('k')).toMatchObject(concurrent);
    const neighbour = openIdempotency(pool, log);
    const second = await startApp({ routes, credentials, idempotency: neighbour });
    expect(await call(second.url, 'POST', CARTS, keyed('k'))).toMatchObject(concurrent);
    expect(await call(second.url, 'GET', '/api/v1/idempotency_query?key=k', { token: 'full' })).toMatchObject(
      concurrent,
    );
    open();
    expect(await first).toMatchObject({ status: 201, body: 'first' });
    expect(await call(second.url, 'POST', CARTS, keyed('k'))).toMatchObject({ status: 201, body: 'first' });
    await second.close();
    await neighbour.close();
    expect(ran).toBe(1);
  });

  test('of many at once, one runs', async () => {
    const { passed, open } = gate();
    answer = async () => {
      await passed;
      return { status: 201, body: 'done' };
    };
    const replies = Array.from({ length: 20 }, () => post('k'));
    const others: number[] = [];
    for (const reply of replies) {
      void reply.then(({ status }) => others.push(status) === 19 && open());
    }
    await Promise.all(replies);
    expect(ran).toBe(1);
    expect(others).toEqual([...Array(19).fill(409), 201]);
  });
});

test('a claim whose process died is taken over by one, under the same namespace', async () => {
  const dying = openIdempotency(pool, log);
  const doomed = await startApp({ routes, credentials, idempotency: dying });
  const started = gate();
  answer = () => {
    started.open();
    return new Promise(() => undefined);
  };
  void call(doomed.url, 'POST', CARTS, keyed('k')).catch(() => undefined);
  await started.passed;
  expect(await post('k')).toMatchObject({ status: 409 });
  await dying.close(); // Its connection is closed, as at the end of its process.
  answer = () => ({ status: 201, body: 'again' });
  const replies = await Promise.all(Array.from({ length: 10 }, () => post('k')));
  expect(replies.map((reply) => reply.status)).toContain(201);
  expect(ran).toBe(2);
  expect(namespaces[0]).toBe(namespaces[1]);
  expect(again).toEqual([false, true]);
  expect(await post('k')).toMatchObject({ status: 201, body: 'again' });
  await doomed.close();
});

test('a reply that could not be kept is given, and its repeat runs again under the same namespace', async () => {
  answer = async () => {
    await pool.query('alter table idempotency rename column status to hidden');
    return { status: 201, body: 'kept nowhere' };
  };
  expect(await post('k')).toMatchObject({ status: 201, body: 'kept nowhere' });
  await pool.query('alter table idempotency rename column hidden to status');
  answer = () => ({ status: 201, body: 'kept' });
  expect(await post('k')).toMatchObject({ status: 201, body: 'kept' });
  expect([ran, new Set(namespaces).size]).toEqual([2, 1]);
});

test('after the connection that owns the claims was lost, new ones are made', async () => {
  await post('before');
  await pool.query(
    `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and classid = $1
       and database = (select oid from pg_database where datname = current_database())`,
    [0x67617465],
  );
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await post('after')).toMatchObject({ status: 201 });
});

describe('idempotency_query', () => {
  const ask = (query: string, ask: Ask = { token: 'full' }) =>
    app.call('GET', `/api/v1/idempotency_query${query}`, ask);

  test('200: the stored reply, whatever its status', async () => {
    const first = await post('k y', { json: { a: 1 } });
    expect(await ask('?key=k%20y')).toMatchObject({ status: 201, text: first.text, headers: { 'x-own': 'yes' } });
  });

  test('404 without a key, for a key never seen, and for somebody else', async () => {
    await post('k');
    expect(await ask('')).toMatchObject({ status: 404, text: '{"detail": "No idempotency key given."}' });
    for (const reply of [await ask('?key=nosuch'), await ask('?key=k', {}), await ask('/?key=k', { token: 'other' })]) {
      expect(reply).toMatchObject({ status: 404, text: '{"detail": "Idempotency key not seen before."}' });
    }
  });
});

test('503 while the database is away', async () => {
  const gone = openPool('postgresql://nobody@127.0.0.1:1/none', 'carts', 1);
  const lost = openIdempotency(gone, log);
  const cut = await startApp({ routes, credentials, idempotency: lost });
  expect(await call(cut.url, 'POST', CARTS, keyed('k'))).toMatchObject({
    status: 503,
    headers: { 'retry-after': '1' },
  });
  expect(await call(cut.url, 'POST', CARTS, { token: 'full' })).toMatchObject({ status: 201 });
  await cut.close();
  await lost.close();
  await gone.end();
});
