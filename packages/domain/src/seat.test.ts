import type { InventoryEvent } from '@gatehouse/events/inventory';
import { fold } from './decider';
import { inventory } from './inventory';
import { another, NOW, reserved, seat } from './inventory-in-test';
import { seatIsAvailable, type SeatAsk, type SeatFacts, type SeatingRules } from './seat';

const rules: SeatingRules = { minimalDistance: 0, withinRow: false, blockedFor: [] };
const ask: SeatAsk = { date: null, cart_id: 'one@api', sales_channel: null, voucher: null, now: NOW };

type Case = {
  seat?: Partial<SeatFacts>;
  rules?: Partial<SeatingRules>;
  ask?: Partial<SeatAsk>;
  history?: InventoryEvent[];
};
const available = (each: Case) =>
  seatIsAvailable(
    { ...seat, ...each.seat },
    { ...rules, ...each.rules },
    { ...ask, ...each.ask },
    fold(inventory, each.history ?? []),
  );

describe('a seat (contract §2.8)', () => {
  test.each<[string, Case, boolean]>([
    ['nobody has it', {}, true],
    ['blocked', { seat: { blocked: true } }, false],
    ['blocked, and no channel is named', { seat: { blocked: true }, rules: { blockedFor: ['box'] } }, false],
    [
      'blocked, for another channel',
      { seat: { blocked: true }, rules: { blockedFor: ['box'] }, ask: { sales_channel: 'web' } },
      false,
    ],
    [
      'blocked, and the channel may have it',
      { seat: { blocked: true }, rules: { blockedFor: ['box'] }, ask: { sales_channel: 'box' } },
      true,
    ],
    ['sold', { seat: { sold: true } }, false],
    [
      'sold, and the channel may have blocked ones',
      { seat: { sold: true, blocked: true }, rules: { blockedFor: ['box'] }, ask: { sales_channel: 'box' } },
      false,
    ],
    ['in a cart of the shop', { seat: { carts: [{ id: 61, cart_id: 'shop' }] } }, false],
    ['in a cart of ours', { history: [reserved({ seat: 'A-1', cart_id: 'two@api' })] }, false],
    ['in the same cart already', { history: [reserved({ seat: 'A-1' })] }, false],
    [
      'in a cart of ours that has expired',
      { history: [reserved({ seat: 'A-1', expires: '2027-06-01T07:59:59Z' })] },
      true,
    ],
    ['in a cart of ours that expires now', { history: [reserved({ seat: 'A-1', expires: NOW })] }, false],
    ['in a cart of ours on another date', { history: [reserved({ seat: 'A-1', date: 1 })] }, true],
    ['bound to a voucher', { seat: { vouchers: [17] } }, false],
    ['bound to the voucher that is used', { seat: { vouchers: [17] }, ask: { voucher: 17 } }, true],
    ['bound to another voucher, too', { seat: { vouchers: [17, 18] }, ask: { voucher: 17 } }, false],
  ])('%s', (_what, each, expected) => {
    expect(available(each)).toBe(expected);
  });
});

describe('the minimal distance (contract §2.8)', () => {
  const at = (x: number | null, y: number | null, more: Partial<SeatFacts> = {}) => ({
    ...seat,
    guid: 'A-2',
    x,
    y,
    sold: true,
    ...more,
  });
  const withNear = (other: ReturnType<typeof at>, each: Case = {}): Case => ({
    ...each,
    seat: { near: [other], ...each.seat },
    rules: { minimalDistance: 5, ...each.rules },
  });
  const ours = (data: { cart_id: string }) => [another(1, { seat: 'A-2', ...data })];
  const free = { sold: false };

  test.each<[string, Case, boolean]>([
    ['a taken seat nearer than that', withNear(at(3, 3.9)), false],
    ['a taken seat just as far', withNear(at(3, 4)), true],
    ['a free seat that is near', withNear(at(1, 1, free)), true],
    ['no such rule', withNear(at(1, 1), { rules: { minimalDistance: 0 } }), true],
    [
      'a near seat in another row, within rows only',
      withNear(at(1, 1, { row: 'B' }), { rules: { withinRow: true } }),
      true,
    ],
    ['a near seat in the same row, within rows only', withNear(at(1, 0), { rules: { withinRow: true } }), false],
    ['a seat of which nobody knows where it is', withNear(at(null, null)), true],
    ['asked where nobody knows where it is', withNear(at(1, 1), { seat: { x: null } }), true],
    [
      'the seat itself among the near ones',
      withNear(at(0, 0, { guid: 'A-1', ...free, vouchers: [17] }), { ask: { voucher: 17 } }),
      true,
    ],
    ["near to a voucher's seat", withNear(at(1, 1, { ...free, vouchers: [18] })), false],
    [
      'near to the seat of the voucher that is used',
      withNear(at(1, 1, { ...free, vouchers: [17] }), { ask: { voucher: 17 } }),
      true,
    ],
    ['near to a cart of the shop', withNear(at(1, 1, { ...free, carts: [{ id: 61, cart_id: 'shop' }] })), false],
    [
      'near to the same cart in the shop',
      withNear(at(1, 1, { ...free, carts: [{ id: 61, cart_id: 'one@api' }] })),
      true,
    ],
    ['near to another cart of ours', withNear(at(1, 1, free), { history: ours({ cart_id: 'two@api' }) }), false],
    ['near to its own cart', withNear(at(1, 1, free), { history: ours({ cart_id: 'one@api' }) }), true],
    [
      'a sold seat keeps its distance from everyone',
      withNear(at(1, 1), { history: ours({ cart_id: 'one@api' }) }),
      false,
    ],
  ])('%s', (_what, each, expected) => {
    expect(available(each)).toBe(expected);
  });
});
