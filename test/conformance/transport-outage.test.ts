import { openCatalog } from '@gatehouse/shop/catalog';
import { checkin } from '@gatehouse/checkin/service';
import { until } from '@gatehouse/eventing/history-in-test';
import { listen, openPool } from '@gatehouse/eventing/postgres';
import { CROWD, festival, LISTS, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startProcess, wireTo, untilStatus, type Process, type Wire } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* An outage of the database (contract §1.10, design §8): 503 with Retry-After, nothing half done, and automatic recovery. */

const token = TOKENS.admin;
const lists = `${CROWD}checkinlists/`;
const list = `${lists}${LISTS.crowd}/`;
const redeemOf = (n: number) => `${list}positions/${TICKETS.crowdFirst.id + n}/redeem/`;

let system: System;
let wire: Wire;
let there: Process;

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
  wire = await wireTo(system.databaseUrl);
  there = await startProcess([checkin], wire.url);
  // It listens before its first catch-up has ended, and is not ready.
  await untilStatus(200, readyz);
});
afterAll(async () => {
  await there.close();
  await wire.close();
  await system.close();
});

const readyz = () => there.call('GET', '/readyz');

const operations: [method: string, target: string, json?: object][] = [
  ['GET', lists],
  ['POST', lists, { name: 'Meanwhile' }],
  ['PATCH', list, { name: 'Meanwhile' }],
  ['DELETE', `${lists}${LISTS.crowdFirst}/`],
  ['GET', `${list}status/`],
  ['GET', `${list}positions/`],
  ['GET', `${list}positions/${TICKETS.crowdFirst.id}/`],
  ['POST', redeemOf(0), { nonce: 'meanwhile' }],
  ['GET', '/api/v1/'],
];

async function expectUnavailable(): Promise<void> {
  for (const [method, target, json] of operations) {
    for (const key of [{}, { 'x-idempotency-key': 'meanwhile' }]) {
      const answer = await there.call(method, target, { token, json, headers: key });
      expect({ method, target, answer }).toMatchObject({
        answer: {
          status: 503,
          body: { detail: expect.any(String) },
          headers: { 'retry-after': expect.stringMatching(/^\d+$/) },
        },
      });
      // The client sees nothing of the database's error.
      expect(answer.text).not.toMatch(/connect|ECONN|postgres|terminat|sql/i);
    }
  }
}

test('while the database is down: 503 with Retry-After; alive, but not ready; and back by itself', async () => {
  expect(await readyz()).toMatchObject({ status: 200, body: { ready: true } });
  const before = await system.events();
  await wire.cut();
  await expectUnavailable();
  expect(await there.call('GET', '/healthz')).toMatchObject({ status: 200 });
  const unready = await untilStatus(503, readyz);
  expect(unready.body).toMatchObject({
    ready: false,
    reasons: expect.arrayContaining(['the event store of admission cannot be reached']),
  });
  // Requests that need no database are answered as usual.
  expect(await there.call('GET', '/api/v1/nothing/', { token })).toMatchObject({
    status: 404,
    text: expect.stringMatching(/^</),
  });
  expect(await there.call('GET', lists)).toMatchObject({ status: 401 });
  expect(await there.call('GET', lists, { token, headers: { accept: 'text/html' } })).toMatchObject({ status: 406 });
  expect(await system.events()).toEqual(before);

  await wire.mend();
  await untilStatus(200, readyz);
  // The 503 was not stored: the same key runs now.
  const made = await there.call('POST', lists, {
    token,
    json: { name: 'After' },
    headers: { 'x-idempotency-key': 'meanwhile' },
  });
  expect(made.status).toBe(201);
  const { id } = made.body as { id: number };
  expect(await there.call('GET', `${lists}${id}/`, { token })).toMatchObject({ status: 200, body: { name: 'After' } });
  expect(await there.call('POST', redeemOf(0), { token, json: { nonce: 'meanwhile' } })).toMatchObject({ status: 201 });
  expect((await there.call('GET', list, { token })).body).toMatchObject({ name: 'All of the crowd', checkin_count: 1 });
  // Changes by other processes arrive again.
  await system.call('PATCH', `${lists}${id}/`, { token, json: { name: 'Elsewhere' } });
  expect((await there.call('GET', `${lists}${id}/`, { token })).body).toMatchObject({ name: 'Elsewhere' });
});

test('while all connections are killed again and again: no 500, and no scan is lost or counted twice', async () => {
  const killer = (async () => {
    for (let round = 0; round < 30; round++) {
      await system.pool
        .query(
          `select pg_terminate_backend(pid) from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
        )
        .catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
  })();
  const statuses = new Set<number>();
  const scan = async (n: number) => {
    for (;;) {
      const answer = await there.call('POST', redeemOf(n), { token, json: { nonce: `scan ${n}` } });
      statuses.add(answer.status);
      if (answer.status !== 503) return answer;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  const numbers = Array.from({ length: 40 }, (_, i) => i + 10);
  const answers = await Promise.all(numbers.map(scan));
  await killer;
  expect(answers.map(({ status }) => status)).toEqual(numbers.map(() => 201));
  expect([...statuses].filter((status) => status !== 201 && status !== 503)).toEqual([]);
  await untilStatus(200, readyz);
  expect((await there.call('GET', list, { token })).body).toMatchObject({ checkin_count: 1 + numbers.length });
  const events = await system.events();
  const scanned = events.filter(({ stream }) => numbers.some((n) => stream === `ticket-${TICKETS.crowdFirst.id + n}`));
  expect(scanned).toHaveLength(numbers.length);
});

test('while the network swallows everything: 503, not silence; and back by itself', async () => {
  wire.mute(true);
  // One that waited for ever would end the test at its time limit.
  const answers = await Promise.all(
    operations.map(([method, target, json]) => there.call(method, target, { token, json: json ?? undefined })),
  );
  for (const answer of answers)
    expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': expect.anything() } });
  await untilStatus(503, readyz);
  wire.mute(false);
  await untilStatus(200, readyz);
  expect(await there.call('GET', lists, { token })).toMatchObject({ status: 200 });
});

test('what was imported while the database was away for the catalog alone comes in afterwards, without another word', async () => {
  const listener = listen(system.databaseUrl);
  const pool = openPool(wire.url, 'admission', 1);
  const catalog = await openCatalog({ pool, schema: 'admission', listener });
  await wire.cut();
  const files = festival();
  const items = files['other/events/fair/items.json'] as object[];
  await system.import({
    ...files,
    'other/events/fair/items.json': [...items, { id: 193, name: { en: 'Late' }, category: null }],
  });
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(catalog.exists('item', 193)).toBe(false);
  await wire.mend();
  await until(() => catalog.exists('item', 193));
  catalog.close();
  await pool.end();
  await listener.close();
});
