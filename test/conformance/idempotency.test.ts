import { Client } from 'pg';
import { checkin } from '@gatehouse/checkin/service';
import { captures } from '@gatehouse/test-support/captures';
import { CROWD, DEVICES, festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startProcess, type Process } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';

const captured = captures('4.13');
const token = TOKENS.admin;
const lists = `${OPENAIR}checkinlists/`;
const concurrent = {
  status: 409,
  text: '{"detail": "Concurrent request with idempotency key."}',
  headers: { 'retry-after': '5' },
};

let system: System;
let replica: Process;

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
  replica = await startProcess([checkin], system.databaseUrl);
});
afterAll(async () => {
  await replica.close();
  await system.close();
});

let keys = 0;
const newKey = () => `key ${++keys}`;
const withKey = (key: string) => ({ token, headers: { 'x-idempotency-key': key } });
const redeemOf = (n: number) => `${CROWD}checkinlists/${LISTS.crowd}/positions/${TICKETS.crowdFirst.id + n}/redeem/`;

async function countOfLists(): Promise<number> {
  return ((await system.call('GET', lists, { token })).body as { count: number }).count;
}

describe('contract §1.10 a repeat', () => {
  test('gets the identical status, headers and body, and does nothing', async () => {
    const ask = { ...withKey(newKey()), json: { name: 'Once' } };
    const first = await system.call('POST', lists, ask);
    expect(first.status).toBe(201);
    const count = await countOfLists();
    const { date: _date, ...headers } = first.headers;
    expect(await system.call('POST', lists, ask)).toMatchObject({ status: 201, text: first.text, headers });
    expect(await countOfLists()).toBe(count);
    for (const name of ['cart-idempotent-repeat', 'cart-idempotent-other-body']) {
      expect(captured(name).response).toEqual(captured('cart-idempotent-first').response);
    }
  });

  test('whatever method, path, query and body it comes with', async () => {
    const ask = withKey(newKey());
    const first = await system.call('POST', `${lists}?a=1`, { ...ask, json: { name: 'Whatever' } });
    for (const [method, target, json] of [
      ['POST', lists, { name: 'Other' }],
      ['PATCH', `${lists}${LISTS.main}/`, { name: 'Changed' }],
      ['DELETE', `${lists}${LISTS.main}/`, undefined],
      ['POST', redeemOf(0), {}],
      ['PUT', `${lists}99999/`, { name: 'x' }],
    ] as const) {
      expect(await system.call(method, target, { ...ask, json })).toMatchObject({ status: 201, text: first.text });
    }
    expect((await system.call('GET', `${lists}${LISTS.main}/`, { token })).body).toMatchObject({ name: 'Main gate' });
  });

  test('of a redeem gets its reply, where a new request would be already_redeemed', async () => {
    const ask = withKey(newKey());
    const first = await system.call('POST', redeemOf(1), ask);
    expect(first).toMatchObject({ status: 201, body: { status: 'ok' } });
    expect(await system.call('POST', redeemOf(1), ask)).toMatchObject({ status: 201, text: first.text });
    expect(await system.call('POST', redeemOf(1), withKey(newKey()))).toMatchObject({
      status: 400,
      body: { reason: 'already_redeemed' },
    });
  });

  test('of a DELETE gets its 204', async () => {
    const { body } = await system.call('POST', lists, { token, json: { name: 'To be deleted' } });
    const target = `${lists}${(body as { id: number }).id}/`;
    const ask = withKey(newKey());
    for (let i = 0; i < 2; i++)
      expect(await system.call('DELETE', target, ask)).toMatchObject({ status: 204, text: '' });
    expect(await system.call('DELETE', target, { token })).toMatchObject({ status: 404 });
  });

  test('in another process gets it, too', async () => {
    const ask = { ...withKey(newKey()), json: { name: 'Here and there' } };
    const first = await system.call('POST', lists, ask);
    expect(await replica.call('POST', lists, ask)).toMatchObject({ status: 201, text: first.text });
  });

  test('after a restart gets it, too', async () => {
    const ask = withKey(newKey());
    const before = await startProcess([checkin], system.databaseUrl);
    const first = await before.call('POST', redeemOf(2), ask);
    const list = await before.call('POST', lists, { ...withKey('restart'), json: { name: 'Before' } });
    await before.close();
    const after = await startProcess([checkin], system.databaseUrl);
    expect(first.status).toBe(201);
    expect(await after.call('POST', redeemOf(2), ask)).toMatchObject({ status: 201, text: first.text });
    expect(await after.call('POST', lists, { ...withKey('restart'), json: {} })).toMatchObject({
      status: 201,
      text: list.text,
    });
    await after.close();
  });

  test('of many at once runs once', async () => {
    const ask = { ...withKey(newKey()), json: { name: 'Many at once' } };
    const count = await countOfLists();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) => (i % 2 ? replica : system).call('POST', lists, ask)),
    );
    expect(await countOfLists()).toBe(count + 1);
    const texts = new Set(answers.filter(({ status }) => status === 201).map(({ text }) => text));
    expect(texts.size).toBe(1);
    for (const answer of answers) if (answer.status !== 201) expect(answer).toMatchObject(concurrent);
  });
});

describe('contract §1.10 what is stored', () => {
  test('400', async () => {
    const ask = withKey(newKey());
    const refused = await system.call('POST', lists, { ...ask, json: {} });
    expect(refused).toMatchObject({ status: 400, body: { name: ['This field is required.'] } });
    expect(await system.call('POST', lists, { ...ask, json: { name: 'Now valid' } })).toMatchObject({
      status: 400,
      text: refused.text,
    });
  });

  test('the 400 of a redeem', async () => {
    const ask = withKey(newKey());
    const target = `${lists}${LISTS.pending}/positions/${TICKETS.pending.id}/redeem/`;
    const refused = await system.call('POST', target, ask);
    expect(refused).toMatchObject({ status: 400, body: { reason: 'unpaid' } });
    expect(await system.call('POST', target, { ...ask, json: { ignore_unpaid: true } })).toMatchObject({
      status: 400,
      text: refused.text,
    });
  });

  test('400 for broken JSON, 404, 405, 415', async () => {
    const json = { 'content-type': 'application/json' };
    const text = { 'content-type': 'text/plain' };
    for (const [status, method, target, body, headers] of [
      [400, 'POST', lists, '{', json],
      [404, 'PATCH', `${lists}99999/`, '{}', json],
      [405, 'PUT', lists, '{}', json],
      [415, 'POST', lists, 'x', text],
    ] as const) {
      const key = newKey();
      const ask = { token, body, headers: { ...headers, 'x-idempotency-key': key } };
      const first = await system.call(method, target, ask);
      expect(first.status).toBe(status);
      expect(await system.call('POST', lists, { ...withKey(key), json: { name: 'x' } })).toMatchObject({
        status,
        text: first.text,
      });
    }
  });

  test('403, also when it would be allowed now', async () => {
    const ask = { token: TOKENS.viewer, headers: { 'x-idempotency-key': newKey() } };
    const denied = await system.call('POST', lists, { ...ask, json: { name: 'x' } });
    expect(denied).toMatchObject({ status: 403 });
    expect(await system.call('POST', '/api/v1/organizers/other/events/fair/checkinlists/', ask)).toMatchObject({
      status: 403,
      text: denied.text,
    });
  });
});

describe('contract §1.10 what is not stored', () => {
  test('401: with another credential it is another key, and the same one may come again', async () => {
    const headers = { 'x-idempotency-key': newKey() };
    expect(await system.call('POST', redeemOf(3), { token: TOKENS.inactive, headers })).toMatchObject({ status: 401 });
    expect(await system.call('POST', redeemOf(3), { headers })).toMatchObject({ status: 401 });
    const { rows } = await system.pool.query('select 1 from transport.idempotency where key = $1', [
      headers['x-idempotency-key'],
    ]);
    expect(rows).toEqual([]);
  });

  test('409 while the first one runs, in any process; then its reply', async () => {
    const blocker = new Client(system.databaseUrl);
    await blocker.connect();
    await blocker.query('begin');
    await blocker.query('lock table admission.events in exclusive mode');
    const key = newKey();
    const ask = { ...withKey(key), json: { name: 'Slow' } };
    const first = system.call('POST', lists, ask);
    while ((await system.pool.query('select 1 from transport.idempotency where key = $1', [key])).rowCount === 0) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await system.call('POST', lists, ask)).toMatchObject(concurrent);
    expect(await replica.call('DELETE', `${lists}${LISTS.main}/`, ask)).toMatchObject(concurrent);
    expect(
      await system.call('GET', `/api/v1/idempotency_query?key=${encodeURIComponent(key)}`, { token }),
    ).toMatchObject(concurrent);
    // Requests with other keys and of other clients do not wait for it.
    expect(await system.call('GET', lists, { token })).toMatchObject({ status: 200 });
    await blocker.query('rollback');
    await blocker.end();
    const { status, text } = await first;
    expect(status).toBe(201);
    expect(await replica.call('POST', lists, ask)).toMatchObject({ status: 201, text });
  });
});

describe('contract §1.10 the key', () => {
  test('is of one Authorization header', async () => {
    const headers = { 'x-idempotency-key': newKey() };
    const asDevice = { headers: { ...headers, authorization: `Device ${DEVICES.gate}` } };
    expect(await system.call('POST', redeemOf(4), { token, headers })).toMatchObject({ status: 201 });
    expect(await system.call('POST', redeemOf(4), asDevice)).toMatchObject({
      status: 400,
      body: { reason: 'already_redeemed' },
    });
  });

  test('has at most 190 characters, any that a header may hold', async () => {
    const long = `ü"'\\%00${'x'.repeat(180)}`.slice(0, 190);
    const ask = { ...withKey(long), json: { name: 'Long key' } };
    const first = await system.call('POST', lists, ask);
    expect(first.status).toBe(201);
    expect(await system.call('POST', lists, ask)).toMatchObject({ status: 201, text: first.text });
    expect(await system.call('POST', lists, { ...withKey('x'.repeat(191)), json: { name: 'x' } })).toMatchObject({
      status: 400,
    });
  });

  test('empty is none', async () => {
    const ask = { ...withKey(''), json: { name: 'No key' } };
    const [first, second] = [await system.call('POST', lists, ask), await system.call('POST', lists, ask)];
    expect(first.text).not.toBe(second.text);
  });

  test('is ignored by GET, HEAD and OPTIONS', async () => {
    const ask = withKey(newKey());
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      expect(await system.call(method, lists, ask)).toMatchObject({ status: 200 });
    expect(await system.call('POST', lists, { ...ask, json: { name: 'After GET' } })).toMatchObject({ status: 201 });
    expect(await system.call('GET', `${lists}${LISTS.main}/`, ask)).toMatchObject({
      status: 200,
      body: { id: LISTS.main },
    });
  });

  test('expires after 24 hours', async () => {
    const key = newKey();
    const ask = { ...withKey(key), json: { name: 'Yesterday' } };
    const first = await system.call('POST', lists, ask);
    const age = (interval: string) =>
      system.pool.query(`update transport.idempotency set created = now() - $2::interval where key = $1`, [
        key,
        interval,
      ]);
    await age('23 hours 59 minutes');
    expect((await system.call('POST', lists, ask)).text).toBe(first.text);
    await age('24 hours 1 minute');
    const again = await system.call('POST', lists, ask);
    expect(again.status).toBe(201);
    expect(again.text).not.toBe(first.text);
  });
});

test('contract §1.10 idempotency_query tells the stored reply', async () => {
  const key = newKey();
  const query = `/api/v1/idempotency_query?key=${encodeURIComponent(key)}`;
  expect(await system.call('GET', query, { token })).toMatchObject({
    status: 404,
    text: '{"detail": "Idempotency key not seen before."}',
  });
  expect(await system.call('GET', '/api/v1/idempotency_query', { token })).toMatchObject({
    status: 404,
    text: '{"detail": "No idempotency key given."}',
  });
  const first = await system.call('POST', lists, { ...withKey(key), json: { name: 'Queried' } });
  expect(await replica.call('GET', query, { token })).toMatchObject({ status: 201, text: first.text });
  expect(await system.call('GET', query, { token: TOKENS.viewer })).toMatchObject({ status: 404 });
});

test('a request that runs again after a crash finds what it wrote the first time', async () => {
  // The reply was lost before it was stored: the claim exists, but its owner is dead.
  const key = newKey();
  const ask = { ...withKey(key), json: { name: 'Crashed' } };
  const crashing = await startProcess([checkin], system.databaseUrl);
  const first = await crashing.call('POST', lists, ask);
  const redeemKey = newKey();
  const scan = await crashing.call('POST', redeemOf(5), withKey(redeemKey));
  await crashing.close();
  expect([first.status, scan.status]).toEqual([201, 201]);
  await system.pool.query(
    'update transport.idempotency set status = null, headers = null, body = null where key = any($1)',
    [[key, redeemKey]],
  );
  const count = await countOfLists();
  const events = (await system.events()).length;
  expect(await system.call('POST', lists, ask)).toMatchObject({ status: 201, body: first.body });
  expect(await replica.call('POST', redeemOf(5), withKey(redeemKey))).toMatchObject({
    status: 201,
    body: { status: 'ok' },
  });
  expect(await countOfLists()).toBe(count);
  expect((await system.events()).length).toBe(events);
});
