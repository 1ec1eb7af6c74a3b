import { cart } from '@gatehouse/cart/service';
import {
  APART,
  cartShop,
  DATES,
  HALL,
  inDays,
  ITEMS,
  quotaOf,
  ROWS,
  TOKENS,
  TOURS,
  VARIATIONS,
} from '@gatehouse/test-support/cart-shop';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* What the state of things refuses: contract §8.4, with quotas (§2.7), seats (§2.8) and vouchers (§2.9). */

let system: System;
beforeAll(async () => {
  system = await startSystem([cart]);
  await system.import(cartShop());
});
afterAll(() => system.close());

type Json = Record<string, unknown>;
const create = (json: Json, event = HALL, headers: Record<string, string> = {}) =>
  system.call('POST', `${event}cartpositions/`, { token: TOKENS.admin, json: { price: '10.00', ...json }, headers });
const refusal = (text: string) => ({ status: 400, body: [text] });
const noQuota = (name: string) => refusal(`The product "${name}" is not assigned to a quota.`);
const exhausted = (name: string) =>
  refusal(`There is not enough quota available on quota "${name}" to perform the operation.`);
const taken = (name: string) => refusal(`The selected seat "${name}" is not available.`);
const MADE = { status: 201 };
const HOUR = 3_600_000;

async function release(answer: { body: unknown }, event = HALL): Promise<void> {
  const { id } = answer.body as { id: number };
  const released = await system.call('DELETE', `${event}cartpositions/${id}/`, { token: TOKENS.admin });
  expect(released.status).toBe(204);
}

describe('contract §8.4 each check goes before all that follow it', () => {
  const CHAIR = { item: ITEMS.chair };
  test.each<[check: string, json: Json, text: string, event?: string]>([
    [
      '1 no quota',
      { item: ITEMS.internal, seat: 'nosuch', voucher: 'NOSUCH' },
      'The product "INT-7" is not assigned to a quota.',
    ],
    [
      '2 not enough left, the first by name',
      { item: ITEMS.soldOutTwice, seat: 'nosuch', voucher: 'NOSUCH' },
      'There is not enough quota available on quota "Alpha" to perform the operation.',
    ],
    [
      '3 no seat may be chosen',
      { item: ITEMS.pass, seat: 'nosuch', voucher: 'NOSUCH' },
      'The specified product does not allow to choose a seat.',
    ],
    ['4 no such seat', { ...CHAIR, seat: 'nosuch', voucher: 'NOSUCH' }, 'The specified seat does not exist.'],
    ['6 a seat is missing', { ...CHAIR, voucher: 'NOSUCH' }, 'The specified product requires to choose a seat.'],
    ['7 no such voucher', { ...CHAIR, seat: 'A-4', voucher: 'NOSUCH' }, 'The specified voucher does not exist.'],
    [
      '8 a voucher of another product',
      { ...CHAIR, seat: 'A-4', voucher: 'WRONGITEM' },
      'The specified voucher is not valid for the given item and variation.',
    ],
    [
      '9 a voucher of another seat',
      { ...CHAIR, seat: 'A-4', voucher: 'WRONGSEAT' },
      'The specified voucher is not valid for this seat.',
    ],
    [
      '10 a voucher of another date',
      { item: ITEMS.tour, subevent: DATES.evening, voucher: 'PASTMORNING' },
      'The specified voucher is not valid for this subevent.',
      TOURS,
    ],
    ['11 an expired voucher', { ...CHAIR, seat: 'A-4', voucher: 'PASTANDUSED' }, 'The specified voucher is expired.'],
    [
      '12 a voucher that is used up',
      { ...CHAIR, seat: 'A-4', voucher: 'USED' },
      'The specified voucher has already been used the maximum number of times.',
    ],
    [
      '13 a seat that is not available',
      { ...CHAIR, seat: 'A-4', voucher: 'FREE' },
      'The selected seat "Stalls, Row A, Seat 4" is not available.',
    ],
  ])('%s', async (_check, json, text, event = HALL) => {
    expect(await create(json, event)).toMatchObject(refusal(text));
  });

  test('contract §8.4 the product is named in the language of the request', async () => {
    expect(await create({ item: ITEMS.backstage })).toMatchObject(noQuota('Backstage'));
    expect(await create({ item: ITEMS.backstage }, HALL, { 'accept-language': 'de' })).toMatchObject(
      noQuota('Hinterbühne'),
    );
    expect(await create({ item: ITEMS.internal }, HALL, { 'accept-language': 'de' })).toMatchObject(noQuota('INT-7'));
  });

  test('a refusal leaves nothing: no position, no quota, no use of a voucher', async () => {
    const before = await availabilityOf(ITEMS.chair);
    expect(await create({ item: ITEMS.chair, seat: 'A-4', voucher: 'ONCE' })).toMatchObject({ status: 400 });
    expect(await availabilityOf(ITEMS.chair)).toEqual(before);
    const made = await create({ item: ITEMS.pass, voucher: 'ONCE' });
    expect(made).toMatchObject(MADE);
    await release(made);
  });
});

async function availabilityOf(item: number, event = HALL): Promise<Json> {
  const answer = await system.call('GET', `${event}quotas/${quotaOf(item)}/availability/`, { token: TOKENS.viewer });
  expect(answer.status).toBe(200);
  return answer.body as Json;
}

describe('contract §2.7 quotas', () => {
  const NOTHING = {
    paid_orders: 0,
    pending_orders: 0,
    exited_orders: 0,
    blocking_vouchers: 0,
    cart_positions: 0,
    waiting_list: 0,
    total_size: 10,
    available: true,
  };
  test.each<[what: string, item: number, counts: Json]>([
    ['paid, of test mode too, canceled ones not', ITEMS.paid, { paid_orders: 3, available_number: 7 }],
    ['pending, expired and canceled orders not', ITEMS.pending, { pending_orders: 1, available_number: 9 }],
    ['vouchers that block and are valid', ITEMS.vouchers, { blocking_vouchers: 3, available_number: 7 }],
    ['who waits without a voucher', ITEMS.waiting, { waiting_list: 2, available_number: 8 }],
    [
      'carts, of the shop too, but for those whose voucher counts',
      ITEMS.carts,
      { cart_positions: 3, blocking_vouchers: 1, available_number: 6 },
    ],
    ['closed', ITEMS.closed, { available: false, available_number: 0 }],
    ['unlimited', ITEMS.unlimited, { total_size: null, available_number: null }],
  ])('%s', async (_what, item, counts) => {
    expect(await availabilityOf(item)).toEqual({ ...NOTHING, ...counts });
  });

  test('a closed quota has nothing left', async () => {
    expect(await create({ item: ITEMS.closed })).toMatchObject(exhausted('Closed'));
  });

  test('exactly as many as there are, and again after each release', async () => {
    const made = [];
    for (let left = 5; left > 0; left--) {
      expect(await availabilityOf(ITEMS.five)).toMatchObject({ available: true, available_number: left });
      made.push(await create({ item: ITEMS.five }));
    }
    expect(made.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201]);
    expect(await availabilityOf(ITEMS.five)).toMatchObject({
      available: false,
      available_number: 0,
      cart_positions: 5,
    });
    expect(await create({ item: ITEMS.five })).toMatchObject(exhausted('Five'));
    await release(made[2]!);
    expect(await availabilityOf(ITEMS.five)).toMatchObject({ available: true, available_number: 1 });
    expect(await create({ item: ITEMS.five })).toMatchObject(MADE);
    expect(await create({ item: ITEMS.five })).toMatchObject(exhausted('Five'));
  });

  test('every quota of a product must have a place', async () => {
    expect(await create({ item: ITEMS.twoQuotas })).toMatchObject(MADE);
    expect(await create({ item: ITEMS.twoQuotas })).toMatchObject(exhausted('Small'));
    const answer = await system.call('GET', `${HALL}quotas/2002/availability/`, { token: TOKENS.viewer });
    expect(answer.body).toMatchObject({ cart_positions: 1, available_number: 99 });
  });

  test('an item with variations counts by its variation only', async () => {
    const day = (variation: number) => create({ item: ITEMS.day, variation });
    expect(await day(VARIATIONS.saturday)).toMatchObject(noQuota('Day'));
    expect(await availabilityOf(ITEMS.day)).toMatchObject({ paid_orders: 0, available_number: 2 });
    expect(await day(VARIATIONS.friday)).toMatchObject(MADE);
    expect(await day(VARIATIONS.friday)).toMatchObject(MADE);
    expect(await day(VARIATIONS.friday)).toMatchObject(exhausted('Friday'));
  });

  test('dates match exactly', async () => {
    const left = async (date: number) => {
      const answer = await system.call('GET', `${TOURS}quotas/${date + 1_000}/availability/`, { token: TOKENS.viewer });
      return (answer.body as Json)['available_number'];
    };
    expect(await create({ item: ITEMS.tour, subevent: DATES.morning }, TOURS)).toMatchObject(MADE);
    expect([await left(DATES.morning), await left(DATES.evening)]).toEqual([19, 20]);
  });

  test('contract §8.5 a position counts until it expires', async () => {
    expect(await create({ item: ITEMS.last, expires: '2020-01-01T00:00:00Z' })).toMatchObject(MADE);
    const later = await create({ item: ITEMS.last, expires: new Date(Date.now() + HOUR).toISOString() });
    expect(later).toMatchObject(MADE);
    expect(await create({ item: ITEMS.last })).toMatchObject(exhausted('Last'));
    await release(later);
    const soon = new Date(Date.now() + 500).toISOString();
    expect(await create({ item: ITEMS.last, expires: soon })).toMatchObject(MADE);
    while (new Date().toISOString() <= soon) await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await create({ item: ITEMS.last })).toMatchObject(MADE);
  });

  test('close_when_sold_out: found sold out by carts it stays open, by the shop it closes for good', async () => {
    const shown = async () => {
      const answer = await system.call('GET', `${HALL}quotas/${quotaOf(ITEMS.closing)}/`, { token: TOKENS.viewer });
      return (answer.body as Json)['closed'];
    };
    const made = await create({ item: ITEMS.closing });
    expect(made).toMatchObject(MADE);
    expect(await create({ item: ITEMS.closing })).toMatchObject(exhausted('Closing'));
    expect(await shown()).toBe(false);
    await release(made);
    expect(await availabilityOf(ITEMS.closing)).toMatchObject({ available: true });

    const shop = cartShop();
    const orders = shop['demo/events/hall/orders.ndjson'] as Json[];
    const [first] = orders as [Json & { positions: Json[] }];
    const position = {
      ...first.positions[0],
      id: 900,
      positionid: 900,
      item: ITEMS.closing,
      secret: 'closing'.repeat(3),
    };
    const sold = { ...first, code: 'CLOSE', positions: [{ ...position, pseudonymization_id: 'CLOSING900' }] };
    await system.import({ ...shop, 'demo/events/hall/orders.ndjson': [...orders, sold] });
    expect(await shown()).toBe(false);
    expect(await create({ item: ITEMS.closing })).toMatchObject(exhausted('Closing'));
    expect(await shown()).toBe(true);

    const canceled = { ...sold, status: 'c' };
    await system.import({ ...shop, 'demo/events/hall/orders.ndjson': [...orders, canceled] });
    expect(await availabilityOf(ITEMS.closing)).toMatchObject({
      paid_orders: 0,
      available: false,
      available_number: 0,
    });
    expect(await create({ item: ITEMS.closing })).toMatchObject(exhausted('Closing'));
    const quotas = shop['demo/events/hall/quotas.json'] as Json[];
    const restated = quotas.map((each) => (each['name'] === 'Closing' ? { ...each, name: 'Open again' } : each));
    await system.import({
      ...shop,
      'demo/events/hall/orders.ndjson': [...orders, canceled],
      'demo/events/hall/quotas.json': restated,
    });
    expect(await create({ item: ITEMS.closing })).toMatchObject(MADE);
  });
});

describe('contract §2.8 seats', () => {
  const sit = (seat: string, more: Json = {}) => create({ item: ITEMS.chair, seat, ...more });
  test('a free one, until it is released', async () => {
    const made = await sit('A-1');
    expect(made.body).toMatchObject({ seat: { id: 801, name: 'Stalls, Row A, Seat 1', seat_guid: 'A-1' } });
    expect(await sit('A-1')).toMatchObject(taken('Stalls, Row A, Seat 1'));
    await release(made);
    const again = await sit('A-1', { expires: '2020-01-01T00:00:00Z' });
    expect(again).toMatchObject(MADE);
    expect(await sit('A-1')).toMatchObject(MADE);
  });

  test.each([
    ['blocked', 'A-4', 'Stalls, Row A, Seat 4'],
    ['held by a pending order', 'A-5', 'Stalls, Row A, Seat 5'],
    ["held by the shop's cart", 'A-6', 'Stalls, Row A, Seat 6'],
    ["a voucher's", 'A-2', 'Stalls, Row A, Seat 2'],
  ])('%s', async (_why, seat, name) => {
    expect(await sit(seat)).toMatchObject(taken(name));
  });

  test('a blocked one by its channel', async () => {
    expect(await sit('A-4', { sales_channel: 'web' })).toMatchObject(taken('Stalls, Row A, Seat 4'));
    expect(await sit('A-4', { sales_channel: 'boxoffice' })).toMatchObject(MADE);
  });

  test('that of a canceled order is free; one without a name is called by its guid', async () => {
    expect(await sit('A-7')).toMatchObject(MADE);
    expect(await sit('bare')).toMatchObject({ status: 201, body: { seat: { name: 'bare' } } });
    expect(await sit('bare')).toMatchObject(taken('bare'));
  });

  test("a voucher's own seat is for its voucher", async () => {
    expect(await sit('A-3', { voucher: 'OFA2' })).toMatchObject(
      refusal('The specified voucher is not valid for this seat.'),
    );
    expect(await create({ item: ITEMS.pass, voucher: 'OFA2' })).toMatchObject(
      refusal('The specified voucher is not valid for this seat.'),
    );
    expect(await sit('A-2', { voucher: 'OFA2' })).toMatchObject({ status: 201, body: { voucher: 712 } });
  });

  test('a distance is kept from all carts but the own', async () => {
    const at = (seat: string, cart_id?: string) => create({ item: ITEMS.apart, seat, cart_id }, APART);
    expect(await at('A-1', 'one@api')).toMatchObject(MADE);
    expect(await at('A-2')).toMatchObject(taken('Stalls, Row A, Seat 2'));
    expect(await at('B-1', 'other@api')).toMatchObject(taken('Stalls, Row B, Seat 1'));
    // Across the corner it is further.
    expect(await at('B-2')).toMatchObject(MADE);
    expect(await at('A-2', 'one@api')).toMatchObject(taken('Stalls, Row A, Seat 2'));
    expect(await at('B-1', 'one@api')).toMatchObject(taken('Stalls, Row B, Seat 1'));
    expect(await at('A-3', 'one@api')).toMatchObject(MADE);
  });

  test('a distance within a row only', async () => {
    const at = (seat: string) => create({ item: ITEMS.rows, seat }, ROWS);
    expect(await at('A-1')).toMatchObject(MADE);
    expect(await at('A-2')).toMatchObject(taken('Stalls, Row A, Seat 2'));
    expect(await at('B-1')).toMatchObject(MADE);
  });
});

describe('contract §2.9 vouchers', () => {
  const OTHER = refusal('The specified voucher is not valid for the given item and variation.');
  const friday = { item: ITEMS.day, variation: VARIATIONS.friday, expires: '2020-01-01T00:00:00Z' };
  const USED_UP = refusal('The specified voucher has already been used the maximum number of times.');

  test.each<[code: string, json: Json, answer: object]>([
    ['FREE', { item: ITEMS.pass }, MADE],
    ['free', { item: ITEMS.pass }, { status: 201, body: { voucher: 701 } }],
    ['OFPASS', { item: ITEMS.pass }, MADE],
    ['OFPASS', { item: ITEMS.unlimited }, OTHER],
    ['OFQUOTA', { item: ITEMS.pass }, MADE],
    ['OFOTHERQUOTA', { item: ITEMS.pass }, OTHER],
    ['OFDAY', { item: ITEMS.pass }, OTHER],
    ['FUTURE', { item: ITEMS.pass }, MADE],
    ['PAST', { item: ITEMS.pass }, refusal('The specified voucher is expired.')],
    ['USED', { item: ITEMS.pass }, USED_UP],
    ['IGNORES', { item: ITEMS.soldOutTwice }, exhausted('Alpha')],
    ['nosuch', { item: ITEMS.pass }, refusal('The specified voucher does not exist.')],
    ['MORNING', { item: ITEMS.pass }, refusal('The specified voucher does not exist.')],
  ])('%s for %j', async (voucher, json, answer) => {
    expect(await create({ ...json, voucher })).toMatchObject(answer);
  });

  test('bound to a product, or to one of its variations', async () => {
    const shop = cartShop();
    const quotas = shop['demo/events/hall/quotas.json'] as Json[];
    const large = quotas.map((each) => (each['name'] === 'Friday' ? { ...each, size: 100 } : each));
    await system.import({ ...shop, 'demo/events/hall/quotas.json': large });
    expect(await create({ ...friday, voucher: 'OFDAY' })).toMatchObject(MADE);
    expect(await create({ ...friday, voucher: 'OFFRIDAY' })).toMatchObject(MADE);
    expect(await create({ item: ITEMS.pass, voucher: 'OFFRIDAY' })).toMatchObject(OTHER);
  });

  test('bound to a date', async () => {
    const tour = (subevent: number) => create({ item: ITEMS.tour, subevent, voucher: 'MORNING' }, TOURS);
    expect(await tour(DATES.morning)).toMatchObject(MADE);
    expect(await tour(DATES.evening)).toMatchObject(refusal('The specified voucher is not valid for this subevent.'));
  });

  test('as often as it may be used, less what is redeemed and what stands in carts', async () => {
    const use = (more: Json = {}) => create({ item: ITEMS.pass, voucher: 'TWICE', ...more });
    expect(await use({ expires: '2020-01-01T00:00:00Z' })).toMatchObject(MADE);
    const first = await use();
    expect(first).toMatchObject(MADE);
    expect(await use()).toMatchObject(MADE);
    expect(await use()).toMatchObject(USED_UP);
    await release(first);
    expect(await use({ expires: inDays(1) })).toMatchObject(MADE);
    expect(await use()).toMatchObject(USED_UP);
  });
});

describe('contract §8.7 many at once', () => {
  test('of two requests for the last place one gets it', async () => {
    const shop = cartShop();
    const quotas = shop['demo/events/hall/quotas.json'] as Json[];
    const more = quotas.map((each) => (each['name'] === 'Bulk' ? { ...each, size: 10 } : each));
    await system.import({ ...shop, 'demo/events/hall/quotas.json': more });
    const answers = await Promise.all(Array.from({ length: 40 }, () => create({ item: ITEMS.bulk })));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 201).length).toBe(10);
    for (const answer of answers.filter(({ status }) => status !== 201))
      expect(answer).toMatchObject(exhausted('Bulk'));
    const ids = answers.flatMap(({ status, body }) => (status === 201 ? [(body as { id: number }).id] : []));
    expect(new Set(ids).size).toBe(10);
    expect(Math.min(...ids)).toBeGreaterThanOrEqual(1_000_000_000);
  });
});
