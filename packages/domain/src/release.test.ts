import type { CartExpired, CartReleased } from '@gatehouse/events/inventory';
import { fold } from './decider';
import { hold } from './hold';
import { inventory } from './inventory';
import { another, ask, facts, LATER, NOW, quota, reserved, where } from './inventory-in-test';
import { expireDue, release, type ReleaseFacts } from './release';
import { spec } from './spec';

const given = spec(inventory);
const cart = {
  id: ask.id,
  cart_id: ask.cart_id,
  item: 3,
  variation: null,
  date: null,
  voucher: null,
  seat: null,
  expires: LATER,
};
const ours: ReleaseFacts = { ...where, now: NOW, imported: false, cart };
const shops: ReleaseFacts = { ...ours, imported: true, cart: { ...cart, id: 61 } };
const released = (data: Partial<CartReleased['data']> = {}): CartReleased => ({
  type: 'CartReleased',
  data: { ...where, ...cart, imported: false, datetime: NOW, ...data },
});
const expired = (data: Partial<CartExpired['data']> = {}): CartExpired => ({
  type: 'CartExpired',
  data: { ...where, ...cart, ...data },
});
const one = (carts = 0) => ({ ...facts, quotas: [{ ...quota, size: 1, carts }] });
const next = { ...ask, id: 2 };
const RELEASED = { outcome: 'released' } as const;
const GONE = { outcome: 'gone' } as const;

describe('release (contract §8.2)', () => {
  test('says what was reserved', () => {
    const data = { seat: 'A-1', voucher: 17 };
    given(reserved({ ...data, covered_until: LATER }))
      .when(release(ours))
      .then(RELEASED, released(data));
  });
  test('frees quota, seat and voucher at once', () => {
    const seat = { seat: 'A-1', voucher: 17 };
    const state = fold(inventory, [reserved(seat), released(seat)]);
    expect(state.ledger).toBeNull();
    expect(hold(one(), next)(state).result.outcome).toBe('held');
  });
  test('does nothing the second time', () => {
    given(reserved(), released()).when(release(ours)).then(GONE);
  });
  test('a request that comes again afterwards reserves anew', () => {
    const request = { request: 'r/0' };
    given(reserved(request), released())
      .when(hold(facts, { ...next, ...request }))
      .then({ outcome: 'held', id: 2, first: true }, reserved({ id: 2, ...request }));
  });
  test('takes a reservation that has expired, recorded or not, and once', () => {
    const late = { ...ours, now: '2027-06-01T09:00:00Z' };
    const event = released({ datetime: '2027-06-01T09:00:00Z' });
    given(reserved()).when(release(late)).then(RELEASED, event);
    given(reserved(), expired()).when(release(late)).then(RELEASED, event);
    given(reserved(), expired(), event).when(release(late)).then(GONE);
  });
  test('what was released after it had expired gives nothing back', () => {
    const late = released({ datetime: '2027-06-01T09:00:00Z' });
    const state = fold(inventory, [reserved(), expired(), late, another(1)]);
    expect(hold(one(), next)(state).result.outcome).toBe('refused');
  });
});

describe('a cart of the shop (issue: released here it stays released)', () => {
  const gone = released({ id: 61, imported: true });
  test('is released once', () => {
    given().when(release(shops)).then(RELEASED, gone);
    given(gone).when(release(shops)).then(GONE);
  });
  test('counts until the shop leaves it out: nothing is subtracted', () => {
    given(gone)
      .when(hold(one(1), next))
      .then({
        outcome: 'refused',
        reason: 'quota_exhausted',
        text: 'There is not enough quota available on quota "Tickets" to perform the operation.',
        quota: 4,
      });
    given(gone)
      .when(hold(one(0), next))
      .then({ outcome: 'held', id: 2, first: true }, reserved({ id: 2, quotas: [{ quota: 4, left: 0 }] }));
  });
  test('that the shop has shortened before its counts leave it out gives nothing back a second time', () => {
    const state = fold(inventory, [gone, reserved()]);
    expect(hold(one(0), next)(state).result).toMatchObject({ reason: 'quota_exhausted' });
  });
  test('is forgotten when it is purged, fourteen days after it has expired', () => {
    const long = (datetime: string) => fold(inventory, [gone, released({ id: 62, imported: true, datetime })]);
    expect(long('2027-06-15T08:30:00Z').released).toMatchObject({ size: 2 });
    expect(long('2027-06-15T08:30:00.000001Z').released).toMatchObject({ size: 2 });
    expect(long('2027-06-15T08:30:00.001Z').released).toMatchObject({ size: 1, key: 62 });
  });
});

describe('expireDue (contract §8.5)', () => {
  const at = (minute: string) => `2027-06-01T08:${minute}:00Z`;
  const history = [
    another(1, { expires: at('20'), item: 4 }),
    another(2, { expires: at('10') }),
    another(3, { expires: at('30') }),
    another(4, { expires: at('15'), variation: 8 }),
  ];
  const told = (n: number, data: Partial<CartExpired['data']>) => expired({ id: ask.id + n, ...data });

  test('records what is past, the earliest first', () => {
    given(...history)
      .when(expireDue(where, '2027-06-01T08:20:00.000001Z', 100))
      .then(
        { expired: 3 },
        told(2, { expires: at('10') }),
        told(4, { expires: at('15'), variation: 8 }),
        told(1, { expires: at('20'), item: 4 }),
      );
  });
  test('not what still counts at that very instant', () => {
    given(...history)
      .when(expireDue(where, at('10'), 100))
      .then({ expired: 0 });
  });
  test('as many as may be recorded at a time, and goes on', () => {
    const { events } = expireDue(where, at('59'), 2)(fold(inventory, history));
    expect(events.map(({ data }) => data.id - ask.id)).toEqual([2, 4]);
    const rest = expireDue(where, at('59'), 2)(fold(inventory, [...history, ...events]));
    expect(rest.events.map(({ data }) => data.id - ask.id)).toEqual([1, 3]);
    const state = fold(inventory, [...history, ...events, ...rest.events]);
    expect({ ...state }).toEqual({ ...inventory.initial });
  });
});
