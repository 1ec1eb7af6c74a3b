import type { TicketEvent } from '@gatehouse/events/admission';
import { annul, isTooLate } from './annul';
import { fold } from './decider';
import { redeem, type ListFacts, type Scan, type TicketFacts } from './redeem';
import { spec } from './spec';
import { isInsideOf, ticket } from './ticket';

/* A scan that its scanner takes back: contract §10, 2024–2026. */

const about = { organizer: 'demo', event: 'openair', list: 1, position: 7, item: 3, variation: null, date: null };
const at = (hour: number) => `2027-07-16T${String(hour).padStart(2, '0')}:00:00Z`;
const how = { forced: false, auto: false, nonce_present: true };
const entry = (hour: number, nonce: string, more: object = {}): TicketEvent => ({
  type: 'PositionRedeemed',
  data: { ...about, ...how, first: true, datetime: at(hour), nonce, ...more },
});
const exit = (hour: number, nonce: string): TicketEvent => ({
  type: 'PositionExited',
  data: { ...about, ...how, datetime: at(hour), nonce },
});
const undone = (nonce: string, scan?: { kind: 'entry' | 'exit' | 'repeat'; datetime: string }): TicketEvent => ({
  type: 'RedemptionUndone',
  data: { ...about, reason: 'it did not turn', ...(scan ? { scan } : {}), nonce },
});
const given = spec(ticket);
const take = (kind: 'entry' | 'exit' | 'repeat', hour: number, nonce: string) =>
  annul(about, { kind, datetime: at(hour), nonce }, 'it did not turn');

test('the only entry: the ticket has none any more, and a repeat does nothing', () => {
  given(entry(8, 'a'))
    .when(take('entry', 8, 'a'))
    .then({ annulled: true }, undone('a'));
  given(entry(8, 'a'), undone('a'))
    .when(take('entry', 8, 'a'))
    .then({ annulled: false });
  expect(fold(ticket, [entry(8, 'a'), undone('a')])).toEqual(ticket.initial);
});

test('one of several entries: the others stand', () => {
  const history = [entry(8, 'a'), exit(9, 'x'), entry(10, 'b', { again: true })];
  const event = undone('b', { kind: 'entry', datetime: at(10) });
  given(...history)
    .when(take('entry', 10, 'b'))
    .then({ annulled: true }, event);
  const state = fold(ticket, [...history, event]);
  expect(state).toEqual(fold(ticket, history.slice(0, 2)));
  expect(isInsideOf(state, 1)).toBe(false);
});

test('the first of several: the next one is the check-in', () => {
  const history = [entry(8, 'a'), exit(9, 'x'), entry(10, 'b', { again: true })];
  const state = fold(ticket, [...history, undone('a', { kind: 'entry', datetime: at(8) })]);
  expect(state.checkins[1]).toEqual({ datetime: at(10), auto: false, nonces: ['b'] });
  expect(isInsideOf(state, 1)).toBe(true);
});

test('an exit: the ticket is inside again', () => {
  const history = [entry(8, 'a'), exit(9, 'x')];
  const event = undone('x', { kind: 'exit', datetime: at(9) });
  given(...history)
    .when(take('exit', 9, 'x'))
    .then({ annulled: true }, event);
  expect(fold(ticket, [...history, event])).toEqual(fold(ticket, history.slice(0, 1)));
});

test('a forced repeat stands when the entry before it is taken back', () => {
  const history = [entry(8, 'a'), entry(9, 'r', { first: false, forced: true })];
  const event = undone('a', { kind: 'entry', datetime: at(8) });
  given(...history)
    .when(take('entry', 8, 'a'))
    .then({ annulled: true }, event);
  const state = fold(ticket, [...history, event]);
  expect(state.checkins[1]).toMatchObject({ datetime: at(9) });
  given(...history)
    .when(take('repeat', 9, 'r'))
    .then({ annulled: true }, undone('r', { kind: 'repeat', datetime: at(9) }));
  expect(fold(ticket, [...history, undone('r', { kind: 'repeat', datetime: at(9) })])).toEqual(
    fold(ticket, history.slice(0, 1)),
  );
});

test('after an entry and its exit nothing is left of a ticket whose only entry is taken back', () => {
  given(entry(8, 'a'), exit(9, 'x'))
    .when(take('entry', 8, 'a'))
    .then({ annulled: true }, undone('a'));
});

test('another nonce or list is none of it', () => {
  given(entry(8, 'a'))
    .when(take('entry', 8, 'b'))
    .then({ annulled: false });
  given(entry(8, 'a', { list: 2 }))
    .when(take('entry', 8, 'a'))
    .then({ annulled: false });
});

test('afterwards the ticket may enter, and the same nonce is a new scan', () => {
  const list = {
    ...{ organizer: 'demo', event: 'openair', id: 1, all_products: true, limit_products: [], subevent: null },
    include_pending: false,
  } as unknown as ListFacts;
  const facts: TicketFacts = {
    ...{ position: 7, item: 3, variation: null, date: null, status: 'p', canceled: false, answered: new Set<number>() },
  };
  const scan: Scan = {
    ...{ datetime: at(8), force: false, ignoreUnpaid: false, nonce: 'a', questionsSupported: true },
    ...{ canceledSupported: true, questions: [], given: [], restrictedTo: null },
  };
  given(entry(8, 'a'), undone('a'))
    .when(redeem(list, facts, scan))
    .then({ outcome: 'ok', first: true }, entry(8, 'a'));
});

test('until a quarter of an hour later, by the clock of the scanner', () => {
  expect(isTooLate({ datetime: at(8) }, '2027-07-16T08:15:00Z')).toBe(false);
  expect(isTooLate({ datetime: at(8) }, '2027-07-16T08:15:00.000001Z')).toBe(true);
  expect(isTooLate({ datetime: at(8) }, at(7))).toBe(false);
});
