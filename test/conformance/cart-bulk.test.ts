import { cart } from '@gatehouse/cart/service';
import { cartShop, HALL, ITEMS, QUESTIONS, TOKENS, TOURS } from '@gatehouse/test-support/cart-shop';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* `POST cartpositions/bulk_create/`: contract §8.6. */

let system: System;
beforeAll(async () => {
  system = await startSystem([cart]);
  await system.import(cartShop());
});
afterAll(() => system.close());

type Result = { success: boolean; data: Record<string, unknown> | null; errors: unknown };
const bulk = (json: unknown, event = HALL, headers: Record<string, string> = {}) =>
  system.call('POST', `${event}cartpositions/bulk_create/`, { token: TOKENS.admin, json, headers });
const results = async (json: unknown, event = HALL): Promise<Result[]> => {
  const answer = await bulk(json, event);
  expect(answer.status).toBe(200);
  expect(Object.keys(answer.body as object)).toEqual(['results']);
  return (answer.body as { results: Result[] }).results;
};
const PASS = { item: ITEMS.pass, price: '10.00' };
const failure = (errors: unknown) => ({ success: false, data: null, errors });
const stated = (text: string) => failure({ non_field_errors: [text] });
const exhausted = (name: string) =>
  stated(`There is not enough quota available on quota "${name}" to perform the operation.`);

describe('contract §8.6 bodies', () => {
  test.each([[PASS], [{}], ['x'], [5], [null]])('%j is no list', async (json) => {
    expect(await bulk(json)).toMatchObject({ status: 400, body: { error: 'Please supply a list' } });
  });

  test('a form is no list, and nothing is none', async () => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const ask of [{ body: 'item=1', headers: form }, {}]) {
      const answer = await system.call('POST', `${HALL}cartpositions/bulk_create/`, { token: TOKENS.admin, ...ask });
      expect(answer).toMatchObject({ status: 400, body: { error: 'Please supply a list' } });
    }
  });

  test('an empty list', async () => {
    expect((await bulk([])).body).toEqual({ results: [] });
  });

  test('more than 2.5 MB, or than 10,000 elements', async () => {
    expect(await bulk([{ ...PASS, attendee_name: 'x'.repeat(2_700_000) }])).toMatchObject({ status: 413 });
    expect(await bulk(Array.from({ length: 10_001 }, () => 1))).toMatchObject({
      status: 400,
      body: { error: 'Please supply at most 10000 elements' },
    });
  });
});

describe('contract §8.6 results', () => {
  test('each in the place of its element, its keys in their order, whatever becomes of the others', async () => {
    const all = await results([
      PASS,
      1,
      { ...PASS, cart_id: 'x' },
      'x',
      { ...PASS, cart_id: 'mine@api' },
      null,
      [],
      { item: ITEMS.chair, price: 1 },
      { ...PASS, answers: [{ question: QUESTIONS.B, answer: 'maybe' }] },
      { item: ITEMS.day, price: 1 },
    ]);
    for (const result of all) expect(Object.keys(result)).toEqual(['success', 'data', 'errors']);
    expect(all).toMatchObject([
      { success: true, data: { item: ITEMS.pass, price: '10.00' }, errors: null },
      stated('Invalid data. Expected a dictionary, but got int.'),
      failure({ cart_id: ['Cart ID should end in @api or be empty.'] }),
      stated('Invalid data. Expected a dictionary, but got str.'),
      { success: true, data: { cart_id: 'mine@api' }, errors: null },
      stated('No data provided'),
      stated('Invalid data. Expected a dictionary, but got list.'),
      stated('The specified product requires to choose a seat.'),
      failure({ answers: [{ non_field_errors: ['Please specify "true" or "false" for boolean questions.'] }] }),
      stated('You should specify a variation for this item.'),
    ]);
    const one = await system.call('GET', `${HALL}cartpositions/${String(all[0]!.data!['id'])}/`, {
      token: TOKENS.admin,
    });
    expect(one.body).toEqual(all[0]!.data);
  });

  test('200 even when all of them fail', async () => {
    expect(await results([{}, { item: ITEMS.internal, price: 1 }])).toEqual([
      failure({ item: ['This field is required.'], price: ['This field is required.'] }),
      stated('The product "INT-7" is not assigned to a quota.'),
    ]);
  });

  test('those that are held count for the next: quota, seat, voucher', async () => {
    const four = await results(Array.from({ length: 4 }, () => ({ item: ITEMS.bulk, price: 1 })));
    expect(four.map(({ success }) => success)).toEqual([true, true, true, false]);
    expect(four[3]).toEqual(exhausted('Bulk'));

    const seat = { item: ITEMS.chair, price: 1, seat: 'A-1' };
    expect((await results([seat, seat]))[1]).toEqual(
      stated('The selected seat "Stalls, Row A, Seat 1" is not available.'),
    );
    const once = { ...PASS, voucher: 'ONCE' };
    expect((await results([once, once]))[1]).toEqual(
      stated('The specified voucher has already been used the maximum number of times.'),
    );
  });

  test('one that is refused for another reason takes no place of the quota', async () => {
    const bad = { item: ITEMS.last, price: 1, voucher: 'NOSUCH' };
    expect((await results([bad, { item: ITEMS.last, price: 1 }])).map(({ success }) => success)).toEqual([false, true]);
  });

  test('each without a cart has one of its own', async () => {
    const ids = (await results([PASS, PASS, PASS])).map(({ data }) => data!['cart_id']);
    expect(new Set(ids).size).toBe(3);
  });

  test('as large as it may be, while others are answered', async () => {
    const many = Array.from({ length: 10_000 }, (_, i) =>
      i % 2 === 0 ? { item: ITEMS.pass, price: '1.00', cart_id: 'many@api' } : { item: ITEMS.pass },
    );
    const answered: number[] = [];
    const working = results(many);
    let isDone = false;
    void working.finally(() => (isDone = true));
    while (!isDone) {
      answered.push((await system.call('GET', `${TOURS}quotas/`, { token: TOKENS.admin })).status);
    }
    const all = await working;
    expect(all.length).toBe(10_000);
    expect(all.filter(({ success }) => success).length).toBe(5_000);
    expect(all.every(({ success }, i) => success === (i % 2 === 0))).toBe(true);
    expect(answered.length).toBeGreaterThan(5);
    expect(new Set(answered)).toEqual(new Set([200]));
    expect(new Set(all.flatMap(({ data }) => (data ? [data['id']] : []))).size).toBe(5_000);
  });
});

test('contract §1.10 one that runs again after a crash finds what it has made, though others have become valid', async () => {
  const headers = { 'x-idempotency-key': 'bulk-2' };
  const elements = [{ item: ITEMS.inactive, price: 1 }, PASS, {}, PASS];
  const first = (await bulk(elements, HALL, headers)).body as { results: Result[] };
  expect(first.results.map(({ success }) => success)).toEqual([false, true, false, true]);

  const shop = cartShop();
  const items = shop['demo/events/hall/items.json'] as { id: number }[];
  const active = items.map((each) => (each.id === ITEMS.inactive ? { ...each, active: true } : each));
  await system.import({ ...shop, 'demo/events/hall/items.json': active });
  // As a process leaves it that dies before the reply is stored.
  const { rowCount } = await system.pool.query(
    "update transport.idempotency set owner = 0, status = null, headers = null, body = null where key = 'bulk-2'",
  );
  expect(rowCount).toBe(1);
  const again = (await bulk(elements, HALL, headers)).body as { results: Result[] };
  expect(again.results.map(({ success }) => success)).toEqual([true, true, false, true]);
  for (const place of [1, 3]) expect(again.results[place]).toEqual(first.results[place]);
});

test('contract §1.10 a repeat under an idempotency key reserves nothing more', async () => {
  const headers = { 'x-idempotency-key': 'bulk-1' };
  const first = await bulk([PASS, {}, PASS], HALL, headers);
  const again = await bulk([PASS, {}, PASS], HALL, headers);
  expect(again.text).toBe(first.text);
});
