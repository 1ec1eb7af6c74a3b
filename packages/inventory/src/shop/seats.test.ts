import { seatName } from './seats';
import {
  cartStated,
  dateStated,
  eventStated,
  FUTURE,
  orderStated,
  PASS,
  PAST,
  position,
  seatStated,
  shopInTest,
  voucherStated,
  type ShopInTest,
} from './shop-in-test';

/* Who holds a seat, and which seats are near it (contract §2.8). */

const DATE = 7;

let shop: ShopInTest;
beforeAll(async () => {
  shop = await shopInTest();
});
beforeEach(() => shop.clear());
afterAll(() => shop.close());

const seat = (guid: string) => ({ id: 1, name: guid, seat_guid: guid });
const holders = async (guid: string, date: number | null = null) => {
  const found = (await shop.hold({ seat: guid, date })).seat;
  return found && { id: found.id, sold: found.sold, vouchers: found.vouchers, carts: found.carts };
};
const FREE = { sold: false, vouchers: [], carts: [] };

describe('§2.8 the name of a seat', () => {
  const nothing = { zone_name: null, row_name: null, row_label: null, seat_number: null, seat_label: null };
  test.each([
    [{ zone_name: 'Stand', row_name: 'A', seat_number: '1' }, 'Stand, Row A, Seat 1'],
    [
      { zone_name: 'Stand', row_name: 'A', row_label: 'Reihe A', seat_number: '1', seat_label: 'Platz 1' },
      'Stand, Reihe A, Platz 1',
    ],
    [{ row_name: '', row_label: '', seat_number: '7' }, 'Seat 7'],
    [{ zone_name: '' }, 'S-1'],
    [{}, 'S-1'],
  ])('of %j is %s', (parts, name) => {
    expect(seatName({ ...nothing, seat_guid: 'S-1', ...parts })).toBe(name);
  });

  test('is the newest', async () => {
    await shop.state(eventStated(), seatStated(1), seatStated(1, { zone_name: 'Stand', blocked: true }));
    expect((await shop.hold({ seat: 'S-1' })).seat).toMatchObject({
      guid: 'S-1',
      name: 'Stand',
      blocked: true,
      near: [],
    });
  });
});

describe('§2.8 a seat is held', () => {
  beforeEach(() =>
    shop.state(eventStated(), seatStated(1), seatStated(2), seatStated(3, { subevent: DATE, seat_guid: 'S-1' })),
  );

  test('by nobody, or it is unknown', async () => {
    expect(await holders('S-1')).toEqual({ id: 1, ...FREE });
    expect(await holders('S-1', DATE)).toEqual({ id: 3, ...FREE });
    expect(await holders('S-2', DATE)).toBeNull();
    expect(await holders('s-1')).toBeNull();
    expect(await holders('\0')).toBeNull();
    expect((await shop.hold({})).seat).toBeNull();
  });

  test.each([
    [true, { status: 'p' }, {}],
    [true, { status: 'n' }, {}],
    [true, { status: 'p', testmode: true }, {}],
    [false, { status: 'e' }, {}],
    [false, { status: 'c' }, {}],
    [false, { status: 'p' }, { canceled: true }],
    [false, { status: 'p' }, { subevent: DATE }],
  ] as const)('%s: by the position of an order %j %j', async (sold, order, of) => {
    await shop.state(orderStated('A', [position(1, { seat: seat('S-1'), ...of })], order));
    expect(await holders('S-1')).toEqual({ id: 1, ...FREE, sold });
    expect((await holders('S-1', DATE))!.sold).toBe('subevent' in of);
  });

  test('no longer by a position that has moved to another seat or is gone', async () => {
    await shop.state(orderStated('A', [position(1, { seat: seat('S-1') })]));
    await shop.state(orderStated('A', [position(1, { seat: seat('S-2') })]));
    expect([(await holders('S-1'))!.sold, (await holders('S-2'))!.sold]).toEqual([false, true]);
    await shop.state(orderStated('A', []));
    expect((await holders('S-2'))!.sold).toBe(false);
  });

  test('by vouchers that are valid and not used up', async () => {
    const of = { seat: 'S-1', block_quota: false };
    await shop.state(
      voucherStated(1, of),
      voucherStated(2, { ...of, valid_until: FUTURE }),
      voucherStated(3, { ...of, valid_until: PAST }),
      voucherStated(4, { ...of, max_usages: 2, redeemed: 2 }),
      voucherStated(5, { ...of, subevent: DATE }),
      voucherStated(6, { ...of, seat: 'S-2' }),
    );
    expect((await holders('S-1'))!.vouchers.toSorted()).toEqual([1, 2]);
    expect((await holders('S-1', DATE))!.vouchers).toEqual([5]);
  });

  test('by carts that have not expired, each by its name', async () => {
    await shop.state(
      cartStated(1, { seat: 'S-1' }),
      cartStated(2, { seat: 'S-1', expires: PAST }),
      cartStated(3, { seat: 'S-1', subevent: DATE, cart_id: 'web' }),
    );
    expect((await holders('S-1'))!.carts).toEqual([{ id: 1, cart_id: 'cart1@api' }]);
    expect((await holders('S-1', DATE))!.carts).toEqual([{ id: 3, cart_id: 'web' }]);
  });

  test('not by a cart that was released here', async () => {
    await shop.state(cartStated(1, { seat: 'S-1' }));
    await shop.release({ id: 1, seat: 'S-1', cart_id: 'cart1@api' });
    expect((await holders('S-1'))!.carts).toEqual([]);
    await shop.state(cartStated(1, { seat: 'S-2' }));
    expect((await holders('S-2'))!.carts).toEqual([]);
  });
});

describe('§2.8 the minimal distance', () => {
  const grid = [0, 1, 2, 3].flatMap((y) =>
    [0, 1, 2, 3].map((x) => seatStated(10 * y + x + 1, { seat_guid: `${x}/${y}`, row_name: `R${y}`, x, y })),
  );
  const near = async (guid: string, date: number | null = null) =>
    (await shop.hold({ seat: guid, date })).seat!.near.map((each) => each.guid).sort();

  test('without a rule no other seat is read', async () => {
    await shop.state(eventStated(), ...grid);
    const { seating, seat: found } = await shop.hold({ seat: '1/1' });
    expect(seating).toEqual({ minimalDistance: 0, withinRow: false, blockedFor: [] });
    expect(found!.near).toEqual([]);
  });

  test('seats around come with where they are and who holds them; none of another date or event', async () => {
    await shop.state(
      eventStated({ seating_minimal_distance: 1.2, seating_allow_blocked_seats_for_channel: ['box'] }),
      ...grid,
      seatStated(91, { subevent: DATE, x: 1, y: 1 }),
      seatStated(92, { event: 'other', x: 1, y: 1 }),
      seatStated(93),
      orderStated('A', [position(1, { seat: seat('2/1') })]),
    );
    const { seating, seat: found } = await shop.hold({ seat: '1/1' });
    expect(seating).toEqual({ minimalDistance: 1.2, withinRow: false, blockedFor: ['box'] });
    expect(await near('1/1')).toEqual(['0/0', '0/1', '0/2', '1/0', '1/2', '2/0', '2/1', '2/2']);
    expect(found!.near.find(({ guid }) => guid === '2/1')).toMatchObject({ row: 'R1', x: 2, y: 1, sold: true });
    expect(await near('S-93')).toEqual([]);
    expect(await near('S-91', DATE)).toEqual([]);
  });

  test('within a row only its seats are read', async () => {
    await shop.state(
      eventStated({ seating_minimal_distance: 2, seating_distance_within_row: true }),
      ...grid,
      seatStated(91, { x: 1, y: 1 }),
      seatStated(92, { x: 1, y: 1, seat_guid: 'rowless' }),
    );
    expect(await near('0/1')).toEqual(['1/1', '2/1']);
    expect(await near('rowless')).toEqual(['S-91']);
  });
});

describe('§8.4 a product is seated', () => {
  test('when a category is mapped to it: by its date, else by the event', async () => {
    await shop.state(eventStated({}, { seat_category_mapping: { Front: PASS } }), dateStated(DATE, { Back: 3 }));
    const seated = async (item: number, date: number | null) => (await shop.hold({ item, date })).product.seated;
    expect([await seated(PASS, null), await seated(3, null)]).toEqual([true, false]);
    expect([await seated(PASS, DATE), await seated(3, DATE)]).toEqual([false, true]);
    expect(await seated(PASS, 8)).toBe(false);
  });
});
