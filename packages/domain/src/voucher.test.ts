import type { InventoryEvent, VoucherTermsChanged } from '@gatehouse/events/inventory';
import { fold } from './decider';
import { hold } from './hold';
import { inventory } from './inventory';
import { another, ask, facts, LATER, NOW, quota, reserved, voucher, where } from './inventory-in-test';
import { spec } from './spec';
import type { ShopFacts } from './shop-facts';
import { applies, isExpired, usesLeft, type VoucherFacts } from './voucher';

const given = spec(inventory);
const HELD = { outcome: 'held', id: ask.id, first: true } as const;

describe('what a voucher is for (contract §2.9)', () => {
  const product = (item: number, variation: number | null = null) => ({ item, variation, date: null });
  const vip = { items: [2], variations: [8] };
  test.each<[string, Partial<VoucherFacts>, ReturnType<typeof product>, boolean]>([
    ['bound to nothing', {}, product(9, 90), true],
    ['bound to a quota: an item in it', { quota: vip }, product(2), true],
    ['bound to a quota: an item not in it', { quota: vip }, product(3), false],
    ['bound to a quota: a variation in it', { quota: vip }, product(3, 8), true],
    ['bound to a quota: a variation not in it, of an item in it', { quota: vip }, product(2, 9), false],
    ['bound to an item: that', { item: 3 }, product(3), true],
    ['bound to an item: any of its variations', { item: 3 }, product(3, 8), true],
    ['bound to an item: another', { item: 3 }, product(2), false],
    ['bound to a variation: that', { item: 3, variation: 8 }, product(3, 8), true],
    ['bound to a variation: another', { item: 3, variation: 8 }, product(3, 9), false],
    ['bound to a variation: none', { item: 3, variation: 8 }, product(3), false],
  ])('%s', (_what, bound, wanted, expected) => {
    expect(applies({ ...voucher, ...bound }, wanted)).toBe(expected);
  });
});

test.each([
  [null, false],
  ['2027-06-01T08:00:00.000001Z', false],
  [NOW, false],
  ['2027-06-01T07:59:59.999999Z', true],
])('valid until %s: expired at 08:00 %s (contract §8.4, row 11)', (valid_until, expected) => {
  expect(isExpired({ blocks: false, valid_until }, NOW)).toBe(expected);
});

describe('how often it can still be used (contract §8.4, row 12)', () => {
  const three = { ...voucher, max_usages: 3 };
  const left = (of: VoucherFacts, history: InventoryEvent[] = []) => usesLeft(of, fold(inventory, history), NOW);
  test('orders, carts of the shop and carts of ours use it up', () => {
    expect(left({ ...three, redeemed: 1, carts: 1 }, [reserved({ voucher: 17 })])).toBe(0);
  });
  test('over all dates', () => {
    expect(left(three, [reserved({ voucher: 17, date: 1 }), another(1, { voucher: 17, date: 2 })])).toBe(1);
  });
  test('expired carts and other vouchers do not', () => {
    const expired = another(1, { voucher: 17, expires: '2027-06-01T07:00:00Z' });
    expect(left(three, [expired, another(2, { voucher: 18 })])).toBe(3);
  });
});

describe('terms that the shop changes (contract §2.7)', () => {
  const blocking = { ...voucher, max_usages: 5, blocks: true };
  const news = (changed: ShopFacts['changed'], since = 0): ShopFacts => ({ revision: 1, since, changed });
  const inCart = reserved({ voucher: 17, covered_until: LATER });
  const changed = (data: Partial<VoucherTermsChanged['data']['vouchers'][number]>): VoucherTermsChanged => ({
    type: 'VoucherTermsChanged',
    data: { ...where, vouchers: [{ voucher: 17, blocks: false, valid_until: null, ...data }], facts_revision: 1 },
  });
  const next = { ...ask, id: 2 };

  test('a cart with a blocking voucher says until when it is covered', () => {
    const decide = (valid_until: string | null) =>
      hold({ ...facts, voucher: { ...blocking, valid_until } }, { ...ask, voucher: 'VIP' });
    given().when(decide(null)).then(HELD, inCart);
    given()
      .when(decide('2027-06-01T08:10:00Z'))
      .then(HELD, reserved({ voucher: 17, covered_until: '2027-06-01T08:10:00Z' }));
  });
  test('a voucher that no longer blocks leaves its carts to count for themselves', () => {
    const one = { ...facts, quotas: [{ ...quota, size: 1 }] };
    given(inCart)
      .when(hold({ ...one, shop: news([{ id: 17, blocks: false, valid_until: null }]) }, next))
      .then(
        {
          outcome: 'refused',
          reason: 'quota_exhausted',
          text: 'There is not enough quota available on quota "Tickets" to perform the operation.',
          quota: 4,
        },
        changed({ blocks: false }),
      );
  });
  test('one that blocks by now counts instead of its carts', () => {
    const one = { ...facts, quotas: [{ ...quota, size: 2, vouchers: 1 }] };
    given(reserved({ voucher: 17 }))
      .when(hold({ ...one, shop: news([{ id: 17, blocks: true, valid_until: null }]) }, next))
      .then(
        { outcome: 'held', id: 2, first: true },
        changed({ blocks: true }),
        reserved({ id: 2, quotas: [{ quota: 4, left: 0 }], facts_revision: 1 }),
      );
  });
  test('what was learned is not learned again', () => {
    const again = news([{ id: 17, blocks: false, valid_until: null }]);
    expect(hold({ ...facts, shop: again }, next)(fold(inventory, [inCart, changed({})])).events).toHaveLength(1);
  });
  test('a voucher that no cart has changes nothing', () => {
    given()
      .when(hold({ ...facts, shop: news([{ id: 17, blocks: true, valid_until: null }]) }, ask))
      .then(HELD, reserved({ facts_revision: 1 }));
  });
  test('many that no cart has are learned by a decision that refuses, too, once', () => {
    const many = news(Array.from({ length: 100 }, (_, n) => ({ id: n + 100, blocks: true, valid_until: null })));
    const soldOut = { ...facts, quotas: [{ ...quota, size: 0 }], shop: many };
    const learned: VoucherTermsChanged = {
      type: 'VoucherTermsChanged',
      data: { ...where, vouchers: [], facts_revision: 1 },
    };
    expect(hold(soldOut, ask)(inventory.initial).events).toEqual([learned]);
    const after = fold(inventory, [learned]);
    expect(after.learnedRevision).toBe(1);
    expect(hold(soldOut, next)(after).events).toEqual([]);
  });
  test.each([
    ['are older than what was decided', { revision: 0, since: 0, changed: [] }],
    ['begin after what was decided', { revision: 9, since: 2, changed: [] }],
  ])('facts that %s must be read again', (_what, shop) => {
    given(reserved({ facts_revision: 1 }))
      .when(hold({ ...facts, shop }, next))
      .then({ outcome: 'stale' });
  });
});
