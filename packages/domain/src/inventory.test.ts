import type { CartReserved, InventoryEvent } from '@gatehouse/events/inventory';
import { fold } from './decider';
import { hold, holdMany, type Hold, type HoldFacts } from './hold';
import { inventory, restore, snapshotOf, type Inventory } from './inventory';
import { another, ask, facts, LATER, NOW, quota, reserved, seat, voucher, where } from './inventory-in-test';
import { takePlaces } from './places';
import { expireDue, release } from './release';

const minute = (n: number) => `2027-06-01T09:${String(n % 60).padStart(2, '0')}:00Z`;

/** Live reservations of ten products, every third with a voucher of its own that blocks, every second on a seat. */
function reservations(amount: number): CartReserved[] {
  return Array.from({ length: amount }, (_none, n) =>
    another(10 + n, {
      cart_id: `${n}@api`,
      item: 3 + (n % 10),
      request: `request-${n}/0`,
      expires: minute(n),
      ...(n % 3 === 0 ? { voucher: 1000 + n, covered_until: minute(n) } : {}),
      ...(n % 2 === 0 ? { seat: `B-${n}` } : {}),
    }),
  );
}

/** A view of a state that counts accesses to its parts. */
function watched(state: Inventory): { state: Inventory; looks: () => number } {
  let looks = 0;
  const seen = new WeakMap<object, object>();
  const view = <T>(value: T): T => {
    if (typeof value !== 'object' || value === null) return value;
    const before = seen.get(value);
    if (before) return before as T;
    const proxy = new Proxy(value, {
      get(target, key) {
        looks++;
        return view(Reflect.get(target, key) as unknown);
      },
    });
    seen.set(value, proxy);
    return proxy;
  };
  return { state: view(state), looks: () => looks };
}

function cost(state: Inventory, use: (state: Inventory) => unknown): number {
  const view = watched(state);
  use(view.state);
  return view.looks();
}

describe('what a decision costs', () => {
  const large = { ...quota, size: 1_000_000, items: [3, 4, 5], vouchers: 100 };
  const wants: HoldFacts = {
    ...facts,
    product: { name: 'Stand', seated: true },
    quotas: [large, { ...large, id: 5, name: 'Z' }],
    seating: { minimalDistance: 2, withinRow: false, blockedFor: [] },
    seat: { ...seat, near: [{ guid: 'A-2', row: 'A', x: 1, y: 0, sold: false, vouchers: [], carts: [] }] },
    voucher: { ...voucher, max_usages: 1_000_000, blocks: true },
  };
  const asks: Hold = { ...ask, seat: 'A-1', voucher: 'VIP', request: 'new/0' };
  const soldOut = { ...wants, quotas: [{ ...large, paid: 1_000_000 }] };
  const cart = { ...ask, voucher: 17, seat: 'A-1' };
  const event = hold(wants, asks)(inventory.initial).events[0]!;
  const gone: InventoryEvent = { type: 'CartExpired', data: { ...where, ...reservations(50)[49]!.data } };

  const few = fold(inventory, reservations(100));
  const many = fold(inventory, reservations(100_000));
  const uses: [string, (state: Inventory) => unknown][] = [
    ['a reservation', hold(wants, asks)],
    ['a refusal because nothing is left', hold(soldOut, asks)],
    ['a request that comes again', hold(wants, { ...asks, request: 'request-7/0' })],
    ['places of a batch', takePlaces(wants, { batch: 'b', item: 3, variation: null, date: null, amount: 10 })],
    ['the release of a cart of the shop', release({ ...where, now: NOW, imported: true, cart })],
    ['a look for what has expired, when nothing has', expireDue(where, NOW, 1000)],
    ['the state after a reservation', (state) => inventory.evolve(state, event)],
    ['the state after an expiry', (state) => inventory.evolve(state, gone)],
  ];

  test.each(uses)('%s: with 100,000 live reservations but a few looks more than with 100', (_what, use) => {
    const [small, big] = [cost(few, use), cost(many, use)];
    // A thousand times as many keys add ten levels to each tree that is read.
    expect(big).toBeLessThan(4 * small + 100);
    expect(big).toBeLessThan(3_000);
  });

  test('expired reservations that nobody has recorded cost nothing more', () => {
    const late = { ...wants, now: '2027-06-02T00:00:00Z' };
    expect(cost(many, hold(late, asks))).toBeLessThan(4 * cost(few, hold(late, asks)) + 100);
  });

  test('a list costs what its elements cost', () => {
    const list = Array.from({ length: 100 }, (_none, n) => ({
      facts: { ...wants, seat: null, product: { name: 'Pass', seated: false } },
      ask: { ...asks, id: n, seat: null, request: `new/${n}` },
    }));
    expect(cost(many, holdMany(list))).toBeLessThan(100 * 6_000);
  });
});

describe('a state is never changed', () => {
  test('whatever is decided on it and dropped, it decides as before', () => {
    const base = fold(inventory, reservations(200));
    const before = JSON.stringify(base);
    const one = { ...facts, quotas: [{ ...quota, size: 21 }] };
    const take = hold(one, ask);
    const first = take(base);
    expect(first.result.outcome).toBe('held');
    for (let branch = 0; branch < 3; branch++) {
      // The lane evolves a state per command; after a lost race it drops them all and starts again from the first.
      let state = base;
      for (let n = 0; n < 30; n++) {
        const { events } = hold(one, { ...ask, id: 5_000 + branch * 100 + n })(state);
        state = fold(inventory, events, state);
      }
      state = fold(inventory, expireDue(where, '2027-06-01T10:00:00Z', 500)(state).events, state);
      expect(state.held).toBeNull();
      expect(JSON.stringify(base)).toBe(before);
      expect(take(base)).toEqual(first);
    }
  });

  test('two states that come from one know nothing of each other', () => {
    const base = fold(inventory, [reserved()]);
    const left = fold(inventory, [another(1, { seat: 'A-1' })], base);
    const right = fold(inventory, [another(2, { seat: 'A-2' })], base);
    expect(snapshotOf(left).held.map(({ id }) => id - ask.id)).toEqual([0, 1]);
    expect(snapshotOf(right).held.map(({ id }) => id - ask.id)).toEqual([0, 2]);
  });
});

describe('a snapshot', () => {
  const history: InventoryEvent[] = [
    ...reservations(50),
    {
      type: 'CartReleased',
      data: {
        ...where,
        ...{
          id: 61,
          cart_id: 'shop',
          item: 3,
          variation: null,
          date: null,
          voucher: 1003,
          seat: 'B-9',
          expires: LATER,
        },
        imported: true,
        datetime: NOW,
      },
    },
    { type: 'QuotaClosed', data: { ...where, quota: 9, quota_revision: 2, datetime: NOW } },
    {
      type: 'VoucherTermsChanged',
      data: { ...where, vouchers: [{ voucher: 1003, blocks: false, valid_until: null }], facts_revision: 4 },
    },
    {
      type: 'PlacesTaken',
      data: { ...where, batch: 'b', item: 3, variation: 8, date: 1, amount: 7, datetime: NOW, quotas: [] },
    },
    { type: 'PlacesReturned', data: { ...where, batch: 'b', item: 3, variation: 8, date: 1, amount: 7 } },
    {
      type: 'PlacesTaken',
      data: { ...where, batch: 'c', item: 3, variation: 8, date: 1, amount: 9, datetime: NOW, quotas: [] },
    },
    {
      type: 'PlacesRefused',
      data: {
        ...{ ...where, batch: 'd', item: 3, variation: 8, date: 1, amount: 9, datetime: NOW },
        ...{ reason: 'quota_exhausted', quota: 4, message: 'Too few.' },
      },
    },
    { type: 'CartExpired', data: { ...where, ...reservations(5)[4]!.data } },
  ];
  const state = fold(inventory, history);

  test('is JSON, and restored it is the state again, indexes and all', () => {
    const stored = JSON.parse(JSON.stringify(snapshotOf(state))) as ReturnType<typeof snapshotOf>;
    expect(stored).toEqual(snapshotOf(state));
    const restored = restore(stored)!;
    expect(snapshotOf(restored)).toEqual(snapshotOf(state));
    expect(flat(restored)).toEqual(flat(state));
  });
  test('goes on as the state does', () => {
    const more = [another(1), ...reservations(3).map(({ data }) => ({ type: 'CartExpired' as const, data }))];
    const restored = restore(snapshotOf(state))!;
    expect(flat(fold(inventory, more, restored))).toEqual(flat(fold(inventory, more, state)));
  });
  test('in a form that this release does not know is none', () => {
    expect(restore({ ...snapshotOf(state), format: 1 as 2 })).toBeUndefined();
  });
  test('of nothing is nothing', () => {
    expect(restore(snapshotOf(inventory.initial))).toEqual(inventory.initial);
  });
});

/** A state without the shapes of its trees, which depend on the order of insertions. */
function flat(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (!('left' in value)) return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, flat(each)]));
  const rows: unknown[] = [];
  const walk = (node: unknown): void => {
    if (node === null) return;
    const { key, value: each, left, right } = node as { key: unknown; value: unknown; left: unknown; right: unknown };
    walk(left);
    rows.push([key, flat(each)]);
    walk(right);
  };
  walk(value);
  return rows;
}
