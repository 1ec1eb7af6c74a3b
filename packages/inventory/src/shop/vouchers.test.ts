import {
  cartStated,
  eventStated,
  FRIDAY,
  FUTURE,
  PASS,
  PAST,
  quotaStated,
  shopInTest,
  voucherStated,
  where,
  type ShopInTest,
} from './shop-in-test';

/* What decisions know of vouchers (contract §2.9), of carts with them, and of what has changed (ShopFacts). */

let shop: ShopInTest;
beforeAll(async () => {
  shop = await shopInTest();
});
beforeEach(async () => {
  await shop.clear();
  await shop.state(eventStated(), quotaStated(1, { variations: [FRIDAY] }));
});
afterAll(() => shop.close());

const found = async (voucher: string) => (await shop.hold({ voucher })).voucher;

test('§2.9 a voucher is found by its code, whatever its case', async () => {
  await shop.state(
    voucherStated(1, { code: 'GRÜSSE' }),
    voucherStated(2, { code: 'Ωmega' }),
    voucherStated(3, { event: 'other', code: 'OTHER' }),
  );
  for (const code of ['GRÜSSE', 'grüße', 'Grüsse']) expect((await found(code))?.id).toBe(1);
  for (const code of ['ωMEGA', 'Ωmega']) expect((await found(code))?.id).toBe(2);
  for (const code of ['', 'OTHER', 'GRÜSSE ', '\0', '\ud800']) expect(await found(code)).toBeNull();
  expect((await shop.hold({})).voucher).toBeNull();
});

test('§2.9 a voucher comes with all that decides whether it applies', async () => {
  await shop.state(
    voucherStated(1, {
      max_usages: 5,
      redeemed: 2,
      valid_until: '2099-12-31T23:59:59.123456+01:00',
      quota: 1,
      subevent: 7,
      seat: 'S-1',
    }),
    voucherStated(2, { item: PASS, variation: FRIDAY, block_quota: false }),
    voucherStated(3, { quota: 9 }),
  );
  expect(await found('CODE1')).toEqual({
    id: 1,
    blocks: true,
    valid_until: '2099-12-31T22:59:59.123456Z',
    max_usages: 5,
    redeemed: 2,
    item: null,
    variation: null,
    quota: { items: [PASS], variations: [FRIDAY] },
    date: 7,
    seat: 'S-1',
    carts: 0,
  });
  expect(await found('code2')).toMatchObject({
    item: PASS,
    variation: FRIDAY,
    quota: null,
    blocks: false,
    valid_until: null,
  });
  // A quota that is not known (yet) holds nothing.
  expect(await found('code3')).toMatchObject({ quota: { items: [], variations: [] } });
});

test('§8.4 check 12: the carts with a voucher count while they have not expired, on every date', async () => {
  await shop.state(
    voucherStated(1),
    cartStated(1, { voucher: 1 }),
    cartStated(2, { voucher: 1, subevent: 7, item: 3 }),
    cartStated(3, { voucher: 1, expires: PAST }),
    cartStated(4),
  );
  expect((await found('CODE1'))!.carts).toBe(2);
  await shop.state(cartStated(1, { voucher: 1, expires: PAST }), cartStated(2));
  expect((await found('CODE1'))!.carts).toBe(0);
});

test('§2.9 a code that the shop has given anew, or changed, belongs to the newer voucher', async () => {
  await shop.state(voucherStated(1, { code: 'SAME' }), voucherStated(2, { code: 'SAME' }));
  expect((await found('SAME'))!.id).toBe(2);
  await shop.state(voucherStated(2, { code: 'OTHER' }));
  expect([(await found('SAME'))!.id, (await found('OTHER'))!.id]).toEqual([1, 2]);
});

describe('what has changed', () => {
  const shopFacts = async (learned = 0) => (await shop.hold({ learned })).shop;

  test('the revision grows with each fact of a voucher of the event, and with no other', async () => {
    expect(await shopFacts()).toEqual({ revision: 0, since: 0, changed: [] });
    await shop.state(voucherStated(1), cartStated(1), voucherStated(1), voucherStated(9, { event: 'other' }));
    expect((await shopFacts()).revision).toBe(2);
    await shop.state(voucherStated(1, { redeemed: 1 }), cartStated(1));
    expect((await shopFacts()).revision).toBe(3);
  });

  test('vouchers are named whose terms have changed since what was learned; new ones are not', async () => {
    await shop.state(voucherStated(1), voucherStated(2), voucherStated(3));
    expect((await shopFacts()).changed).toEqual([]);
    await shop.state(voucherStated(1, { redeemed: 1 }), voucherStated(2, { valid_until: FUTURE }));
    const second = { id: 2, blocks: true, valid_until: FUTURE };
    expect(await shopFacts()).toEqual({ revision: 5, since: 0, changed: [second] });
    expect(await shopFacts(4)).toEqual({ revision: 5, since: 4, changed: [second] });
    expect(await shopFacts(5)).toEqual({ revision: 5, since: 5, changed: [] });
    await shop.state(voucherStated(3, { block_quota: false }));
    expect((await shopFacts(5)).changed).toEqual([{ id: 3, blocks: false, valid_until: null }]);
    expect(await shopFacts(6)).toEqual({ revision: 6, since: 6, changed: [] });
  });

  test('who asks together gets what is complete for each', async () => {
    await shop.state(voucherStated(1), voucherStated(1, { valid_until: FUTURE }));
    const reader = await shop.reader();
    const [all, none] = await Promise.all([reader.quotas(where, [1], 0), reader.quotas(where, [1], 2)]);
    expect([all.shop.since, all.shop.changed.length]).toEqual([0, 1]);
    expect(none.shop.since).toBeLessThanOrEqual(2);
    expect(none.now).toBe(all.now);
  });
});

describe('a cart of the shop that was released here', () => {
  const carts = async () => (await shop.quota(1)).carts;
  const rows = async () => (await shop.pool.query('select * from shop_carts')).rows;

  test('counts no longer, whatever the shop says of it later, and nothing is kept of who it was for', async () => {
    await shop.state(cartStated(1, { attendee_email: 'ada@example.org' }), cartStated(2));
    expect(await carts()).toBe(2);
    await shop.release({ id: 1 });
    expect(await carts()).toBe(1);
    await shop.state(cartStated(1, { attendee_email: 'ada@example.org', price: '11.00' }));
    expect(await carts()).toBe(1);
    expect(await rows()).toMatchObject([{ id: 2 }]);
  });

  test('does not when the shop speaks of it only afterwards', async () => {
    await shop.release({ id: 1 });
    await shop.state(cartStated(1));
    expect(await carts()).toBe(0);
    expect(await rows()).toEqual([]);
  });

  test('is taken off as it counted then: the shop may have changed it after it was deleted', async () => {
    await shop.state(cartStated(1), cartStated(2), cartStated(1, { item: 3, expires: PAST }));
    await shop.release({ id: 1 });
    expect(await carts()).toBe(1);
  });

  test('uses its voucher no longer, and the voucher goes on blocking the place', async () => {
    await shop.state(voucherStated(1, { item: PASS }), cartStated(1, { voucher: 1 }));
    expect((await found('CODE1'))!.carts).toBe(1);
    await shop.release({ id: 1, voucher: 1 });
    expect((await found('CODE1'))!.carts).toBe(0);
    expect(await shop.quota(1)).toMatchObject({ carts: 0, vouchers: 1 });
    await shop.state(voucherStated(1, { item: PASS, block_quota: false }));
    expect(await shop.quota(1)).toMatchObject({ carts: 0, vouchers: 0 });
  });

  test('one of ours does not concern the shop', async () => {
    await shop.state(cartStated(1));
    await shop.release({ id: 1, imported: false });
    expect(await carts()).toBe(1);
  });
});
