import type { PlacesRefused, PlacesReturned, PlacesTaken, QuotaClosed } from '@gatehouse/events/inventory';
import { fold } from './decider';
import { hold } from './hold';
import { inventory } from './inventory';
import { another, ask, facts, LATER, NOW, quota, reserved, voucher, where } from './inventory-in-test';
import { returnPlaces, takePlaces } from './places';
import { spec } from './spec';

const given = spec(inventory);
const wanted = { batch: 'b1', item: 3, variation: null, date: null, amount: 3 };
const taken = (data: Partial<PlacesTaken['data']> = {}): PlacesTaken => ({
  type: 'PlacesTaken',
  data: { ...where, ...wanted, datetime: NOW, quotas: [{ quota: 4, left: 2 }], ...data },
});
const returned: PlacesReturned = { type: 'PlacesReturned', data: { ...where, ...wanted } };
const exhaustedText = 'There is not enough quota available on quota "Tickets" to perform the operation.';
const exhausted: PlacesRefused = {
  type: 'PlacesRefused',
  data: { ...where, ...wanted, reason: 'quota_exhausted', quota: 4, message: exhaustedText, datetime: NOW },
};
const refused = { outcome: 'refused', first: true } as const;

describe('takePlaces (contract §9.3)', () => {
  test('takes all of them', () => {
    given().when(takePlaces(facts, wanted)).then({ outcome: 'taken', first: true }, taken());
  });
  test('or none', () => {
    given(reserved(), another(1), another(2)).when(takePlaces(facts, wanted)).then(refused, exhausted);
  });
  test('on every quota of the product', () => {
    const quotas = [quota, { ...quota, id: 5, name: 'Z', size: null }];
    given()
      .when(takePlaces({ ...facts, quotas }, wanted))
      .then(
        { outcome: 'taken', first: true },
        taken({
          quotas: [
            { quota: 4, left: 2 },
            { quota: 5, left: null },
          ],
        }),
      );
  });
  test('a product without a quota has no places', () => {
    given()
      .when(takePlaces(facts, { ...wanted, date: 1 }))
      .then(refused, {
        type: 'PlacesRefused',
        data: {
          ...exhausted.data,
          date: 1,
          reason: 'no_quota',
          quota: null,
          message: 'The product "Festival pass" is not assigned to a quota.',
        },
      });
  });
  test('asked twice it takes them once, even when nothing is left', () => {
    given(taken())
      .when(takePlaces({ ...facts, quotas: [{ ...quota, paid: 5 }] }, wanted))
      .then({ outcome: 'taken', first: false });
  });
  test('asked twice it refuses them twice, even when there are enough now: the batch has failed', () => {
    given(exhausted)
      .when(takePlaces({ ...facts, quotas: [{ ...quota, size: null }] }, wanted))
      .then({ outcome: 'refused', first: false });
  });
  test('what was refused takes no place of others', () => {
    const state = fold(inventory, [exhausted]);
    expect(takePlaces(facts, { ...wanted, batch: 'b2', amount: 5 })(state).result).toEqual({
      outcome: 'taken',
      first: true,
    });
  });
  test('carts find what is left', () => {
    const state = fold(inventory, [taken(), reserved(), another(1)]);
    expect(hold(facts, { ...ask, id: 2 })(state).result).toEqual({
      outcome: 'refused',
      reason: 'quota_exhausted',
      text: exhaustedText,
      quota: 4,
    });
  });
  test('a quota that is found sold out closes, one with too few does not', () => {
    const closing = { ...quota, close_when_sold_out: true };
    const closed: QuotaClosed = {
      type: 'QuotaClosed',
      data: { ...where, quota: 4, quota_revision: 0, datetime: NOW },
    };
    given()
      .when(takePlaces({ ...facts, quotas: [{ ...closing, paid: 5 }] }, wanted))
      .then(refused, closed, exhausted);
    given()
      .when(takePlaces({ ...facts, quotas: [{ ...closing, paid: 4 }] }, wanted))
      .then(refused, exhausted);
  });
  test('facts that are older than what was decided must be read again', () => {
    given(reserved({ facts_revision: 1 }))
      .when(takePlaces(facts, wanted))
      .then({ outcome: 'stale' });
  });
  test('learns what the shop has changed of vouchers', () => {
    const shop = { revision: 1, since: 0, changed: [{ id: voucher.id, blocks: false, valid_until: null }] };
    const covered = [0, 1, 2].map((n) => another(n, { voucher: voucher.id, covered_until: LATER }));
    const decide = takePlaces({ ...facts, shop }, wanted);
    const { result, events } = decide(fold(inventory, covered));
    expect(result).toEqual(refused);
    expect(events.map(({ type }) => type)).toEqual(['VoucherTermsChanged', 'PlacesRefused']);
  });
});

describe('returnPlaces', () => {
  test('gives them back, once', () => {
    given(taken()).when(returnPlaces(where, 'b1')).then({ returned: true }, returned);
    given(taken(), returned).when(returnPlaces(where, 'b1')).then({ returned: false });
  });
  test('of a batch that never had any it does nothing', () => {
    given(exhausted).when(returnPlaces(where, 'b1')).then({ returned: false });
    given().when(returnPlaces(where, 'b1')).then({ returned: false });
  });
  test('they are free again, and the batch cannot take them a second time', () => {
    given(taken(), returned)
      .when(hold({ ...facts, quotas: [{ ...quota, size: 1 }] }, ask))
      .then({ outcome: 'held', id: ask.id, first: true }, reserved({ quotas: [{ quota: 4, left: 0 }] }));
    given(taken(), returned).when(takePlaces(facts, wanted)).then({ outcome: 'returned' });
  });
});
