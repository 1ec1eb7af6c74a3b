import { checkin } from '@gatehouse/checkin/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { sync } from '@gatehouse/sync-service/service';
import { syncContext } from '@gatehouse/sync/context';
import { rebuildReadModel, verifyReadModel } from '@gatehouse/eventing/read-model';
import { batchWriter } from '@gatehouse/test-support/batch-writer';
import { gatehouse } from '@gatehouse/test-support/command';
import { allResults, REAL_EXPORT, realFile, realToken } from '@gatehouse/test-support/real-export';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* Tickets of batches of offline sales (contract §9) as orders that a scanner copies (issue 14, clients.md §2 and §3). */

type Checkin = { list: number; datetime: string; type: string; auto_checked_in: boolean };
type Position = Record<string, unknown> & { id: number; secret: string; checkins: Checkin[] };
type Order = Record<string, unknown> & { code: string; secret: string; last_modified: string; positions: Position[] };
type Page = { count: number; next: string | null; results: Order[] };

let system: System;
let batches: ReturnType<typeof batchWriter>;
let token: string;
const sent = realFile<Order[]>('events/openair/orders.ndjson');
beforeAll(async () => {
  system = await startSystem([checkin, offlineSales, sync, reference]);
  await system.import(REAL_EXPORT);
  batches = batchWriter(system);
  token = realToken();
});
afterAll(() => system.close());

const ORDERS = '/api/v1/organizers/demo/events/openair/orders/';
const LIST = '/api/v1/organizers/demo/events/openair/checkinlists/1/positions/';
const PASS = 1;
const openair = { organizer: 'demo', event: 'openair', item: PASS, tax_rule: 1 } as const;

async function get(query = '') {
  const { status, body, headers } = await system.call('GET', `${ORDERS}${query}`, { token });
  expect([query, status]).toEqual([query, 200]);
  return { ...(body as Page), generated: headers['x-page-generated']! };
}
const create = async (more: Partial<Parameters<typeof batches.create>[0]> = {}) => {
  const made = await batches.create({ ...openair, amount: 3, ...more });
  await system.settled();
  return made;
};
const redeem = (ticket: number | string, json: object = {}) =>
  system.call('POST', `${LIST}${ticket}/redeem/`, { token, json: { questions_supported: false, ...json } });

/** Of which type each field of an order is, as far as orders of the shop tell. */
const isLike = (one: unknown, others: readonly unknown[]): boolean =>
  others.some(
    (other) =>
      (one === null) === (other === null) && Array.isArray(one) === Array.isArray(other) && typeof one === typeof other,
  );

describe('a ticket of a created batch is an order of one position', () => {
  test('that has every field of an order of the shop, in its form', async () => {
    const made = await create({ locale: 'de', amount: 2 });
    const [first] = made.tickets;
    const { results } = await get(`?code=${first!.code}`);
    const [order] = results;
    const whole = sent.filter(({ positions }) => positions.length > 0);
    expect(Object.keys(order!)).toEqual(Object.keys(whole[0]!));
    expect(Object.keys(order!.positions[0]!)).toEqual(Object.keys(whole[0]!.positions[0]!));
    for (const [key, value] of Object.entries(order!)) {
      // A day and a way of payment, where every order of that shop has one.
      if (key === 'payment_date' || key === 'payment_provider') continue;
      expect([
        key,
        isLike(
          value,
          whole.map((each) => each[key]),
        ),
      ]).toEqual([key, true]);
    }
    for (const [key, value] of Object.entries(order!.positions[0]!)) {
      const others = whole.flatMap(({ positions }) => positions.map((each) => each[key]));
      expect([key, isLike(value, others)]).toEqual([key, true]);
    }
    expect(order).toMatchObject({
      ...{
        code: first!.code,
        event: 'openair',
        status: 'p',
        testmode: false,
        email: null,
        locale: 'de',
        total: '23.00',
      },
      ...{
        datetime: '2027-06-20T10:00:00.123456Z',
        last_modified: '2027-06-20T10:00:00.123456Z',
        sales_channel: 'web',
      },
      ...{ invoice_address: null, require_approval: false, valid_if_pending: false },
    });
    expect(order!.secret).toMatch(/^[0-9a-f]{16}$/);
    expect(order!.positions).toMatchObject([
      {
        ...{ id: made.firstPosition, order: first!.code, positionid: 1, item: PASS, variation: null, subevent: null },
        ...{
          secret: first!.secret,
          pseudonymization_id: first!.pseudonymization_id,
          price: '23.00',
          tax_rate: '19.00',
        },
        ...{ tax_value: '3.67', tax_rule: 1, attendee_name: null, checkins: [], answers: [], canceled: false },
      },
    ]);
    const { body } = await system.call('GET', `${ORDERS}${first!.code}/`, { token });
    expect(body).toEqual(order);
  });

  test('not before its batch is created, and never of one that failed', async () => {
    const { count } = await get();
    const begun = await batches.begin({ ...openair, amount: 4 }, 2);
    await system.settled();
    expect((await get()).count).toBe(count);
    await batches.fail(begun.job);
    await system.settled();
    expect((await get()).count).toBe(count);
    expect((await system.call('GET', `${ORDERS}${begun.tickets[0]!.code}/`, { token })).status).toBe(404);
  });

  test('for tests, or of a date and a variation', async () => {
    const made = await create({ testmode: true, variation: null });
    const codes = made.tickets.map(({ code }) => code).sort();
    const found = async (query: string) =>
      (await allResults<Order>(system, `${ORDERS}?${query}`, token))
        .map(({ code }) => code)
        .filter((code) => codes.includes(code));
    expect((await found('testmode=true')).sort()).toEqual(codes);
    expect(await found('testmode=false')).toEqual([]);
    const tours =
      realFile<{ id: number; positions: { item: number; variation: number | null; subevent: number }[] }[]>(
        'events/tours/orders.ndjson',
      );
    const { item, variation, subevent: date } = tours[0]!.positions[0]!;
    const tour = await create({ event: 'tours', item, variation, date, amount: 1 });
    const { body } = await system.call('GET', `${ORDERS.replace('openair', 'tours')}${tour.tickets[0]!.code}/`, {
      token,
    });
    expect(body).toMatchObject({ event: 'tours', positions: [{ item, variation, subevent: date }] });
  });

  test('with the texts for badges that the list of positions has (pdf_data)', async () => {
    const made = await create({ amount: 1 });
    const { results } = await get(`?pdf_data=true&code=${made.tickets[0]!.code}`);
    const { pdf_data: shown } = results[0]!.positions[0] as Position & { pdf_data: Record<string, string> };
    const { body } = await system.call('GET', `${LIST}${made.firstPosition}/?pdf_data=true`, { token });
    const own = (body as { pdf_data: Record<string, string> }).pdf_data;
    expect(Object.keys(own).length).toBeGreaterThan(30);
    for (const key of Object.keys(own).filter((each) => !each.startsWith('now_'))) {
      expect([key, shown[key]]).toEqual([key, own[key]]);
    }
  });
});

describe('what a scanner copies later', () => {
  test('new batches, and scans of their tickets, each once (modified_since)', async () => {
    const since = (generated: string) =>
      get(`?ordering=-last_modified&modified_since=${encodeURIComponent(generated)}`);
    const { generated } = await get('?page_size=1');
    const made = await create({ amount: 120 });
    const first = await since(generated);
    expect(first.count).toBe(120);
    const all = await allResults<Order>(system, `${ORDERS}?modified_since=${encodeURIComponent(generated)}`, token);
    expect(all.map(({ code }) => code).sort()).toEqual(made.tickets.map(({ code }) => code).sort());
    expect((await since(first.generated)).count).toBe(0);

    expect(await redeem(made.firstPosition + 7, { datetime: '2027-07-16T10:00:00.5Z' })).toMatchObject({ status: 201 });
    await system.settled();
    const { results } = await since(first.generated);
    expect(results.map(({ code }) => code)).toEqual([made.tickets[7]!.code]);
    expect(results[0]!.positions[0]!.checkins).toMatchObject([
      { list: 1, type: 'entry', datetime: '2027-07-16T10:00:00.500000Z', auto_checked_in: false },
    ]);
    expect(Date.parse(results[0]!.last_modified)).toBeGreaterThan(0);

    // What is taken back shows, too.
    const args = ['undo', String(made.firstPosition + 7), '--list', '1', '--reason', 'the wrong gate'];
    expect(await gatehouse({ DATABASE_URL: system.databaseUrl }, ...args)).toMatchObject({ code: 0, err: '' });
    await system.settled();
    const [after] = (await since(first.generated)).results;
    expect(after!.positions[0]!.checkins).toEqual([]);
  });

  test('a first download that was interrupted goes on among them (created_since), page by page in order', async () => {
    await create({ amount: 60, datetime: '2027-06-21T10:00:00Z' });
    await create({ amount: 60, datetime: '2027-06-21T11:00:00Z' });
    const rest = await allResults<Order>(
      system,
      `${ORDERS}?ordering=datetime&created_since=2027-06-21T10:30:00Z`,
      token,
    );
    expect(rest).toHaveLength(60);
    const all = await allResults<Order>(system, `${ORDERS}?ordering=datetime`, token);
    const codes = all.map(({ code }) => code);
    expect(new Set(codes).size).toBe(codes.length);
    expect(codes.slice(-60)).toEqual(rest.map(({ code }) => code));
    const { count } = await get();
    expect(count).toBe(codes.length);
    expect((await get('?status=p&page_size=1')).count).toBe(all.filter(({ status }) => status === 'p').length);
  });

  test('whichever comes first, the scan or the order', async () => {
    // Scans are applied from another history than batches: hold the batches back.
    const { pool } = system.feedsOf('sync');
    const client = await pool.connect();
    await client.query('begin');
    await client.query("select from checkpoints where name = 'orders' and topic = 'sales' for update");
    const made = await batches.create({ ...openair, amount: 2 });
    expect(await redeem(made.tickets[1]!.secret)).toMatchObject({ status: 201 });
    await client.query('commit');
    client.release();
    await system.settled();
    const { body } = await system.call('GET', `${ORDERS}${made.tickets[1]!.code}/`, { token });
    expect((body as Order).positions[0]!.checkins).toHaveLength(1);
  });
});

test('ten thousand of them', async () => {
  const { count } = await get('?page_size=1');
  const made = await create({ amount: 10_000 });
  expect((await get('?page_size=1')).count).toBe(count + 10_000);
  const { body } = await system.call('GET', `${ORDERS}${made.tickets[9_999]!.code}/`, { token });
  expect(body).toMatchObject({ positions: [{ id: made.firstPosition + 9_999, secret: made.tickets[9_999]!.secret }] });
});

test('the read models equal a replay of history, and can be rebuilt', async () => {
  const feeds = system.feedsOf('sync');
  for (const model of syncContext.readModels) {
    expect([model.name, await verifyReadModel(model, feeds, () => undefined)]).toEqual([model.name, []]);
  }
  const before = (await get('?page_size=1')).count;
  const orders = syncContext.readModels.find(({ name }) => name === 'orders')!;
  await rebuildReadModel(orders, feeds, () => undefined);
  expect((await get('?page_size=1')).count).toBe(before);
});
