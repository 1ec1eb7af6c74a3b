import type { InventoryEvent, QuotaClosed } from '@gatehouse/events/inventory';
import { fold } from './decider';
import { hold, holdMany, type Hold, type HoldFacts } from './hold';
import { inventory } from './inventory';
import { another, ask, facts, NOW, quota, reserved, seat, voucher, where } from './inventory-in-test';
import { spec } from './spec';

const given = spec(inventory);
const HELD = { outcome: 'held', id: ask.id, first: true } as const;

const seated = { name: 'Stand', seated: true };
const withSeat = { ask: { seat: 'A-1' }, facts: { product: seated, seat } };
const withVoucher = { ask: { voucher: 'VIP' }, facts: { voucher } };
const EXHAUSTED = 'There is not enough quota available on quota "Tickets" to perform the operation.';

type Row = {
  name: string;
  history?: InventoryEvent[];
  facts?: Partial<HoldFacts>;
  ask?: Partial<Hold>;
  reason: string;
  text: string;
  quota?: number;
};

/** One thing is wrong in each. */
const rows: Row[] = [
  {
    name: '1: the product has no quota',
    facts: { quotas: [] },
    reason: 'no_quota',
    text: 'The product "Festival pass" is not assigned to a quota.',
  },
  {
    name: '1: its quota is for a date, and none was given',
    facts: { quotas: [{ ...quota, date: 7 }] },
    reason: 'no_quota',
    text: 'The product "Festival pass" is not assigned to a quota.',
  },
  {
    name: '2: the quota is sold',
    facts: { quotas: [{ ...quota, paid: 5 }] },
    reason: 'quota_exhausted',
    text: EXHAUSTED,
    quota: 4,
  },
  {
    name: '2: the quota is reserved',
    facts: { quotas: [{ ...quota, size: 1 }] },
    history: [another(1)],
    reason: 'quota_exhausted',
    text: EXHAUSTED,
    quota: 4,
  },
  {
    name: '3: the product has no seats',
    ask: { seat: 'A-1' },
    reason: 'seat_not_allowed',
    text: 'The specified product does not allow to choose a seat.',
  },
  {
    name: '4: no such seat',
    ask: { seat: 'Z-99' },
    facts: { product: seated },
    reason: 'seat_unknown',
    text: 'The specified seat does not exist.',
  },
  {
    name: '6: a seat must be chosen',
    facts: { product: seated },
    reason: 'seat_required',
    text: 'The specified product requires to choose a seat.',
  },
  {
    name: '7: no such voucher',
    ask: { voucher: 'NOSUCH' },
    reason: 'voucher_unknown',
    text: 'The specified voucher does not exist.',
  },
  {
    name: '8: the voucher is for another product',
    ask: withVoucher.ask,
    facts: { voucher: { ...voucher, item: 2 } },
    reason: 'voucher_not_applicable',
    text: 'The specified voucher is not valid for the given item and variation.',
  },
  {
    name: '9: the voucher is for another seat',
    ask: { ...withSeat.ask, ...withVoucher.ask },
    facts: { ...withSeat.facts, voucher: { ...voucher, seat: 'A-5' } },
    reason: 'voucher_of_other_seat',
    text: 'The specified voucher is not valid for this seat.',
  },
  {
    name: '9: the voucher is for a seat, and none was given',
    ask: withVoucher.ask,
    facts: { voucher: { ...voucher, seat: 'A-5' } },
    reason: 'voucher_of_other_seat',
    text: 'The specified voucher is not valid for this seat.',
  },
  {
    name: '10: the voucher is for another date',
    ask: { ...withVoucher.ask, date: 2 },
    facts: { quotas: [{ ...quota, date: 2 }], voucher: { ...voucher, date: 1 } },
    reason: 'voucher_of_other_date',
    text: 'The specified voucher is not valid for this subevent.',
  },
  {
    name: '10: the voucher is for a date, and none was given',
    ask: withVoucher.ask,
    facts: { voucher: { ...voucher, date: 1 } },
    reason: 'voucher_of_other_date',
    text: 'The specified voucher is not valid for this subevent.',
  },
  {
    name: '11: the voucher is expired',
    ask: withVoucher.ask,
    facts: { voucher: { ...voucher, valid_until: '2027-06-01T07:59:59.999999Z' } },
    reason: 'voucher_expired',
    text: 'The specified voucher is expired.',
  },
  {
    name: '12: the voucher is redeemed',
    ask: withVoucher.ask,
    facts: { voucher: { ...voucher, redeemed: 1 } },
    reason: 'voucher_used_up',
    text: 'The specified voucher has already been used the maximum number of times.',
  },
  {
    name: '12: a cart of the shop uses the voucher',
    ask: withVoucher.ask,
    facts: { voucher: { ...voucher, carts: 1 } },
    reason: 'voucher_used_up',
    text: 'The specified voucher has already been used the maximum number of times.',
  },
  {
    name: '12: a cart of ours uses the voucher',
    ask: withVoucher.ask,
    facts: withVoucher.facts,
    history: [another(1, { voucher: 17 })],
    reason: 'voucher_used_up',
    text: 'The specified voucher has already been used the maximum number of times.',
  },
  {
    name: '13: the seat is sold',
    ask: withSeat.ask,
    facts: { product: seated, seat: { ...seat, sold: true } },
    reason: 'seat_taken',
    text: 'The selected seat "Stand, Row A, Seat 1" is not available.',
  },
];

describe('one check fails (contract §8.4)', () => {
  test.each(rows)('$name', ({ history = [], facts: otherFacts, ask: otherAsk, reason, text, quota: id = null }) => {
    const decide = hold({ ...facts, ...otherFacts }, { ...ask, ...otherAsk });
    const { result, events } = decide(fold(inventory, history));
    expect(result).toEqual({ outcome: 'refused', reason, text, quota: id });
    expect(events).toEqual([]);
  });
});

describe('the order of the checks (contract §8.4)', () => {
  // Each row fixes what the row before it was refused for; everything after it is still wrong.
  const bad = { ...voucher, item: 2, seat: 'A-5', date: 1, valid_until: '2027-01-01T00:00:00Z', redeemed: 1 };
  const sold = { ...seat, sold: true };
  const all: [string, Partial<HoldFacts>, Partial<Hold>][] = [
    ['no_quota', { quotas: [] }, { seat: 'A-1', voucher: 'NOSUCH' }],
    ['quota_exhausted', { quotas: [{ ...quota, paid: 5 }] }, { seat: 'A-1', voucher: 'NOSUCH' }],
    ['seat_not_allowed', {}, { seat: 'A-1', voucher: 'NOSUCH' }],
    ['seat_unknown', { product: seated }, { seat: 'A-1', voucher: 'NOSUCH' }],
    ['seat_required', { product: seated, seat: null }, { voucher: 'NOSUCH' }],
    ['voucher_unknown', { product: seated, seat: sold }, { seat: 'A-1', voucher: 'NOSUCH' }],
    ['voucher_not_applicable', { product: seated, seat: sold, voucher: bad }, { seat: 'A-1', voucher: 'V' }],
    [
      'voucher_of_other_seat',
      { product: seated, seat: sold, voucher: { ...bad, item: 3 } },
      { seat: 'A-1', voucher: 'V' },
    ],
    [
      'voucher_of_other_date',
      { product: seated, seat: sold, voucher: { ...bad, item: 3, seat: 'A-1' } },
      { seat: 'A-1', voucher: 'V' },
    ],
    [
      'voucher_expired',
      { product: seated, seat: sold, voucher: { ...bad, item: 3, seat: 'A-1', date: null } },
      { seat: 'A-1', voucher: 'V' },
    ],
    [
      'voucher_used_up',
      { product: seated, seat: sold, voucher: { ...bad, item: 3, seat: 'A-1', date: null, valid_until: NOW } },
      { seat: 'A-1', voucher: 'V' },
    ],
    [
      'seat_taken',
      { product: seated, seat: sold, voucher: { ...voucher, seat: 'A-1' } },
      { seat: 'A-1', voucher: 'V' },
    ],
    ['held', { product: seated, seat, voucher: { ...voucher, seat: 'A-1' } }, { seat: 'A-1', voucher: 'V' }],
  ];
  test.each(all)('%s', (expected, otherFacts, otherAsk) => {
    const { result } = hold({ ...facts, ...otherFacts }, { ...ask, ...otherAsk })(inventory.initial);
    expect('reason' in result ? result.reason : result.outcome).toBe(expected);
  });
});

describe('what is reserved (contract §8.4)', () => {
  test('everything that was sent, but the sales channel and the code of the voucher', () => {
    const person = {
      attendee_name_parts: { full_name: 'Ada Testmann' },
      attendee_email: 'ada@example.org',
      answers: [{ question: 1, answer: 'M', question_identifier: 'SIZE', options: [5], option_identifiers: ['M'] }],
    };
    given()
      .when(
        hold(
          { ...facts, product: seated, seat, voucher },
          { ...ask, ...person, request: 'r/0', seat: 'A-1', voucher: 'VIP', sales_channel: 'web', includes_tax: false },
        ),
      )
      .then(HELD, reserved({ ...person, request: 'r/0', seat: 'A-1', voucher: 17, includes_tax: false }));
  });
  test('how many each of its quotas has left afterwards, in the order of their names', () => {
    const quotas = [
      { ...quota, id: 9, name: 'site', size: null },
      { ...quota, id: 8, name: 'Åland', size: 7 },
      { ...quota, id: 7, name: 'B', size: 2, pending: 1 },
    ];
    given()
      .when(hold({ ...facts, quotas }, ask))
      .then(
        HELD,
        reserved({
          quotas: [
            { quota: 7, left: 0 },
            { quota: 9, left: null },
            { quota: 8, left: 6 },
          ],
        }),
      );
  });
  test('the first quota by name that has nothing left is named', () => {
    const quotas = ['c', 'B', 'a'].map((name, i) => ({ ...quota, id: i, name, paid: name === 'a' ? 0 : 5 }));
    given()
      .when(hold({ ...facts, quotas }, ask))
      .then({
        outcome: 'refused',
        reason: 'quota_exhausted',
        text: 'There is not enough quota available on quota "B" to perform the operation.',
        quota: 1,
      });
  });
  test('a voucher that ignores or blocks quota needs a free place all the same', () => {
    const decide = hold({ ...facts, quotas: [{ ...quota, vouchers: 5 }], voucher: { ...voucher, blocks: true } }, ask);
    expect(decide(inventory.initial).result).toMatchObject({ reason: 'quota_exhausted' });
  });
  test('an expiry that is past is accepted and takes nothing (contract §8.3)', () => {
    const past = { ...ask, expires: '2027-06-01T07:59:59Z' };
    const one = { ...facts, quotas: [{ ...quota, size: 1 }] };
    const first = hold(one, past)(inventory.initial);
    expect(first.result).toEqual(HELD);
    expect(hold(one, { ...ask, id: 2 })(fold(inventory, first.events)).result).toMatchObject({ outcome: 'held' });
  });
});

describe('time (contract §8.5)', () => {
  const one = { ...facts, quotas: [{ ...quota, size: 1 }] };
  const at = (now: string) => hold({ ...one, now }, { ...ask, id: 2, expires: '2027-06-02T00:00:00Z' });
  const state = fold(inventory, [reserved({ expires: '2027-06-01T08:30:00.000001Z' })]);
  test.each([
    ['2027-06-01T08:30:00Z', 'refused'],
    ['2027-06-01T08:30:00.000001Z', 'refused'],
    ['2027-06-01T08:30:00.000002Z', 'held'],
  ])('at %s, where it expires at …00.000001: %s', (now, outcome) => {
    expect(at(now)(state).result.outcome).toBe(outcome);
  });
});

describe('a request that comes again', () => {
  const first = reserved({ request: 'r/0' });
  test('is answered as the first time and writes nothing, though another id was given to it', () => {
    given(first)
      .when(hold(facts, { ...ask, id: 5, request: 'r/0' }))
      .then({ outcome: 'held', id: ask.id, first: false });
  });
  test('even when nothing is left by now', () => {
    given(first)
      .when(hold({ ...facts, quotas: [{ ...quota, paid: 5 }] }, { ...ask, request: 'r/0' }))
      .then({ outcome: 'held', id: ask.id, first: false });
  });
  test('is found by its position, too', () => {
    given(reserved()).when(hold(facts, ask)).then({ outcome: 'held', id: ask.id, first: false });
  });
  test('another place of its list is another reservation', () => {
    given(first)
      .when(hold(facts, { ...ask, id: 5, request: 'r/1' }))
      .then(
        { outcome: 'held', id: 5, first: true },
        reserved({ id: 5, request: 'r/1', quotas: [{ quota: 4, left: 3 }] }),
      );
  });
});

describe('close_when_sold_out (contract §2.7 and decisions)', () => {
  const closing = { ...quota, close_when_sold_out: true };
  const closed = (revision = 0): QuotaClosed => ({
    type: 'QuotaClosed',
    data: { ...where, quota: 4, quota_revision: revision, datetime: NOW },
  });
  const refused = { outcome: 'refused', reason: 'quota_exhausted', text: EXHAUSTED, quota: 4 } as const;
  test.each([
    ['sold', { paid: 5 }],
    ['ordered', { pending: 5 }],
    ['blocked by vouchers', { vouchers: 5 }],
    ['waited for', { waiting: 5 }],
  ])('a refusal closes it when all is %s', (_what, taken) => {
    given()
      .when(hold({ ...facts, quotas: [{ ...closing, ...taken }] }, ask))
      .then(refused, closed());
  });
  test('not when carts hold the rest: they may come back', () => {
    given()
      .when(hold({ ...facts, quotas: [{ ...closing, paid: 3, carts: 2 }] }, ask))
      .then(refused);
    given()
      .when(hold({ ...facts, quotas: [{ ...closing, carts: 5, waiting: 5 }] }, ask))
      .then(refused);
  });
  test('closed, it stays so though places come back, and closes once', () => {
    given(closed())
      .when(hold({ ...facts, quotas: [{ ...closing, paid: 1 }] }, ask))
      .then(refused);
    given(closed())
      .when(hold({ ...facts, quotas: [{ ...closing, paid: 5 }] }, ask))
      .then(refused);
  });
  test('a newer statement of the shop opens it again; an older one does not', () => {
    given(closed(3))
      .when(hold({ ...facts, quotas: [{ ...closing, revision: 4 }] }, ask))
      .then(HELD, reserved());
    given(closed(3))
      .when(hold({ ...facts, quotas: [{ ...closing, revision: 2 }] }, ask))
      .then(refused);
  });
  test('one that the shop states as closed has nothing left, and needs no closing', () => {
    given()
      .when(hold({ ...facts, quotas: [{ ...closing, size: null, closed: true }] }, ask))
      .then(refused);
  });
  test('a quota that is not asked, because one before it has nothing left, does not close', () => {
    const quotas = [
      { ...closing, id: 5, name: 'Z', paid: 5 },
      { ...quota, paid: 5 },
    ];
    given()
      .when(hold({ ...facts, quotas }, ask))
      .then(refused);
  });
  test('nor does one whose product is refused for something else', () => {
    given()
      .when(hold({ ...facts, quotas: [closing], voucher: null }, { ...ask, voucher: 'NOSUCH' }))
      .then({
        outcome: 'refused',
        reason: 'voucher_unknown',
        text: 'The specified voucher does not exist.',
        quota: null,
      });
  });
});

describe('holdMany (contract §8.6)', () => {
  const list = (...asks: { facts?: Partial<HoldFacts>; ask?: Partial<Hold> }[]) =>
    holdMany(asks.map((each, i) => ({ facts: { ...facts, ...each.facts }, ask: { ...ask, id: i, ...each.ask } })));
  const outcomes = (decide: ReturnType<typeof holdMany>, history: InventoryEvent[] = []) =>
    decide(fold(inventory, history)).result.map((each) => ('reason' in each ? each.reason : each.outcome));

  test('nothing asked, nothing done', () => {
    given().when(holdMany([])).then([]);
  });
  test('those that are held count for the next, and each has its own answer', () => {
    const two = { quotas: [{ ...quota, size: 2 }] };
    expect(outcomes(list({ facts: two }, { facts: two }, { facts: two }))).toEqual(['held', 'held', 'quota_exhausted']);
  });
  test('one that is refused later takes nothing of the quota from the next', () => {
    const one = { quotas: [{ ...quota, size: 1 }] };
    expect(outcomes(list({ facts: one, ask: { voucher: 'NOSUCH' } }, { facts: one }))).toEqual([
      'voucher_unknown',
      'held',
    ]);
  });
  test('one seat and one voucher are had once', () => {
    const sit = { facts: withSeat.facts, ask: withSeat.ask };
    expect(outcomes(list(sit, sit))).toEqual(['held', 'seat_taken']);
    expect(outcomes(list(withVoucher, withVoucher))).toEqual(['held', 'voucher_used_up']);
  });
  test('a quota closes once', () => {
    const closing = { quotas: [{ ...quota, paid: 5, close_when_sold_out: true }] };
    const { events } = list({ facts: closing }, { facts: closing })(inventory.initial);
    expect(events.map(({ type }) => type)).toEqual(['QuotaClosed']);
  });
  test('a list that comes again writes nothing for what it has, and goes on with the rest', () => {
    const asks = ['r/0', 'r/1', 'r/2'].map((request) => ({ ask: { request } }));
    const { events } = list(...asks.slice(0, 2))(inventory.initial);
    const again = list(...asks)(fold(inventory, events));
    expect(again.result.map((each) => 'first' in each && each.first)).toEqual([false, false, true]);
    expect(again.events).toHaveLength(1);
  });
});
