import type { InventoryEvent, PlacesTaken } from '@gatehouse/events/inventory';
import { fold } from './decider';
import { inventory } from './inventory';
import { another, NOW, quota, reserved, where } from './inventory-in-test';
import type { Product } from './ledger';
import { askQuotas, availabilityOf, matches, quotasOf, takenOf, type QuotaFacts } from './quota';

const taken = (facts: Partial<QuotaFacts>, history: InventoryEvent[] = [], now = NOW) =>
  takenOf({ ...quota, ...facts }, fold(inventory, history), now);
const availability = (facts: Partial<QuotaFacts>, history: InventoryEvent[] = [], now = NOW) =>
  availabilityOf({ ...quota, ...facts }, fold(inventory, history), now);
const places = (data: Partial<PlacesTaken['data']> = {}): PlacesTaken => ({
  type: 'PlacesTaken',
  data: {
    ...where,
    batch: 'b1',
    item: 3,
    variation: null,
    date: null,
    amount: 2,
    datetime: NOW,
    quotas: [],
    ...data,
  },
});

describe('the steps in their order (contract §2.7 and decisions: paid, pending, vouchers, carts, waiting list)', () => {
  test.each([
    ['nothing is taken', {}, { level: 'available', left: 5 }],
    ['some of each is taken', { paid: 1, pending: 1, carts: 1, waiting: 1 }, { level: 'available', left: 1 }],
    ['all is paid', { paid: 5, pending: 1, vouchers: 1, carts: 1, waiting: 1 }, { level: 'sold out', left: 0 }],
    ['more is paid than there is', { paid: 9 }, { level: 'sold out', left: 0 }],
    ['pending orders have the rest', { paid: 4, pending: 1, carts: 1 }, { level: 'ordered', left: 0 }],
    ['vouchers block the rest', { paid: 4, vouchers: 1, carts: 1 }, { level: 'ordered', left: 0 }],
    ['carts have the rest', { paid: 4, carts: 1, waiting: 1 }, { level: 'reserved', left: 0 }],
    ['the waiting list has the rest', { paid: 3, carts: 1, waiting: 1 }, { level: 'ordered', left: 0 }],
    ['there is nothing to be taken', { size: 0 }, { level: 'sold out', left: 0 }],
    ['it is unlimited', { size: null, paid: 1_000_000 }, { level: 'available', left: null }],
    ['it is closed, though unlimited', { size: null, closed: true }, { level: 'ordered', left: 0 }],
  ])('%s', (_what, facts, expected) => {
    expect(availability(facts)).toEqual(expected);
  });
  test('our carts count like those of the shop, places of batches like what is paid', () => {
    expect(availability({ size: 3 }, [reserved(), another(1), another(2)])).toEqual({ level: 'reserved', left: 0 });
    expect(availability({ size: 2 }, [places()])).toEqual({ level: 'sold out', left: 0 });
    expect(taken({ paid: 1, carts: 2 }, [reserved(), places()])).toEqual({
      paid: 3,
      pending: 0,
      vouchers: 0,
      carts: 3,
      waiting: 0,
    });
  });
});

describe('what counts on a quota (contract §2.7)', () => {
  const product = (of: Partial<Product>): Product => ({ item: 3, variation: null, date: null, ...of });
  test.each([
    ['the item', {}, {}, true],
    ['another item', {}, { item: 2 }, false],
    ['a variation that it holds', { variations: [8] }, { variation: 8 }, true],
    ['another variation of an item that it holds', { variations: [8] }, { variation: 9 }, false],
    ['a variation, where it holds the item only', {}, { variation: 8 }, false],
    ['the item without a variation, where it holds one', { variations: [8] }, {}, true],
    ['the date', { date: 1 }, { date: 1 }, true],
    ['another date', { date: 1 }, { date: 2 }, false],
    ['no date, where it has one', { date: 1 }, {}, false],
    ['a date, where it has none', {}, { date: 1 }, false],
  ])('%s', (_what, facts, of, expected) => {
    expect(matches({ ...quota, ...facts }, product(of))).toBe(expected);
    // And so it is counted.
    const cart = reserved({ ...product(of) });
    expect(taken(facts, [cart]).carts).toBe(expected ? 1 : 0);
    expect(taken(facts, [places({ ...product(of), amount: 1 })]).paid).toBe(expected ? 1 : 0);
  });
  test('a product counts on each of its quotas', () => {
    const site = { ...quota, id: 1, items: [3, 4, 5] };
    const day = { ...quota, id: 2, items: [3], variations: [8] };
    const history = [reserved(), another(1, { item: 4 }), another(2, { item: 3, variation: 8 })];
    expect(takenOf(site, fold(inventory, history), NOW).carts).toBe(2);
    expect(takenOf(day, fold(inventory, history), NOW).carts).toBe(2);
  });
  test('a quota that the shop changes counts what was reserved before by what it holds now', () => {
    expect(taken({ items: [3, 4] }, [another(1, { item: 4 })]).carts).toBe(1);
    expect(taken({ items: [3] }, [another(1, { item: 4 })]).carts).toBe(0);
  });
});

describe('carts whose voucher blocks quota (contract §2.7)', () => {
  const covered = (until: string | null) => [reserved({ voucher: 17, covered_until: until })];
  test('do not count besides their voucher', () => {
    expect(taken({}, covered('2027-06-01T08:30:00Z')).carts).toBe(0);
  });
  test('count when the voucher does not block', () => {
    expect(taken({}, covered(null)).carts).toBe(1);
  });
  test('count from when the voucher is no longer valid until they expire', () => {
    const counted = (now: string) => taken({}, covered('2027-06-01T08:10:00Z'), now).carts;
    expect(counted('2027-06-01T08:10:00Z')).toBe(0);
    expect(counted('2027-06-01T08:10:00.000001Z')).toBe(1);
    expect(counted('2027-06-01T08:30:00Z')).toBe(1);
    expect(counted('2027-06-01T08:30:00.000001Z')).toBe(0);
  });
});

describe('quotas of a product', () => {
  test('are asked by name, whatever its case, then by id', () => {
    const named = (id: number, name: string) => ({ ...quota, id, name });
    const all = [named(3, 'b'), named(2, 'a'), named(1, 'A'), { ...named(4, '0'), date: 1 }];
    expect(quotasOf(all, { item: 3, variation: null, date: null }).map(({ id }) => id)).toEqual([1, 2, 3]);
  });
  test('must all have as many as are wanted', () => {
    const small = { ...quota, id: 5, name: 'Z', size: 2 };
    const ask = (amount: number) =>
      askQuotas([quota, small], inventory.initial, { ...where, now: NOW, amount }).map(({ enough }) => enough);
    expect([ask(2), ask(3), ask(6)]).toEqual([[true, true], [true, false], [false]]);
  });
});
