import type { CheckinListCreated, PositionExited, PositionRedeemed } from '@gatehouse/events/admission';
import { changeList, checkinList } from './checkin-list';
import { exitEveryone, moveExitAll, nextDay } from './exit-all';
import { redeem, type ListFacts, type Scan, type TicketFacts } from './redeem';
import { spec } from './spec';
import { ticket } from './ticket';

/* contract §10, 3.12: `exit_all_at`. */

const FOUR = '2027-07-17T02:00:00Z';
const about = { organizer: 'demo', event: 'openair', list: 1, position: 7, item: 3, variation: null, date: null };
const how = (datetime: string) => ({ datetime, nonce: null, nonce_present: false });
const entered = (datetime: string, more: Partial<PositionRedeemed['data']> = {}): PositionRedeemed => ({
  type: 'PositionRedeemed',
  data: { ...about, first: true, forced: false, auto: false, ...how(datetime), ...more },
});
const left = (datetime: string, auto = true): PositionExited => ({
  type: 'PositionExited',
  data: { ...about, forced: false, auto, ...how(datetime) },
});
const EVENING = '2027-07-16T18:00:00Z';
const MORNING = '2027-07-17T08:00:00Z';

describe('everybody leaves', () => {
  const given = spec(ticket);
  const leave = exitEveryone(about, FOUR);
  test('who is inside at that time, once', () => {
    given(entered(EVENING)).when(leave).then({ left: true }, left(FOUR));
    given(entered(EVENING), left(FOUR)).when(leave).then({ left: false });
  });
  test('not who had left before, came later, or never came', () => {
    given().when(leave).then({ left: false });
    given(entered(EVENING), left('2027-07-16T19:00:00Z', false)).when(leave).then({ left: false });
    given(entered(MORNING)).when(leave).then({ left: false });
    given(entered(EVENING), left('2027-07-17T02:00:01Z', false)).when(leave).then({ left: false });
  });

  const list: ListFacts = {
    ...{ organizer: 'demo', event: 'openair', id: 1, all_products: true, limit_products: [], subevent: null },
    ...{ include_pending: false, exit_all_at: FOUR },
  };
  const pass: TicketFacts = {
    ...{ position: 7, item: 3, variation: null, date: null, status: 'p', canceled: false, answered: new Set() },
  };
  const scan = (datetime: string): Scan => ({
    ...{ datetime, force: false, ignoreUnpaid: false, nonce: null, questionsSupported: true, canceledSupported: true },
    ...{ questions: [], given: [], restrictedTo: null },
  });
  test('a gate does not wait until that is recorded: it records it with the entry', () => {
    given(entered(EVENING))
      .when(redeem(list, pass, scan(MORNING)))
      .then({ outcome: 'ok', first: true }, left(FOUR), entered(MORNING, { again: true }));
    given(entered(EVENING), left(FOUR), entered(MORNING, { again: true }))
      .when(redeem(list, pass, scan('2027-07-17T08:00:01Z')))
      .then({ outcome: 'error', reason: 'already_redeemed' });
  });
  test('not before that time, nor on a list that lets nobody in again', () => {
    const refused = { outcome: 'error', reason: 'already_redeemed' } as const;
    given(entered(EVENING))
      .when(redeem(list, pass, scan('2027-07-17T01:59:59.999999Z')))
      .then(refused);
    given(entered(EVENING))
      .when(redeem({ ...list, allow_entry_after_exit: false }, pass, scan(MORNING)))
      .then(refused);
  });
});

describe('the next day', () => {
  const given = spec(checkinList);
  const fields = {
    ...{
      organizer: 'demo',
      event: 'openair',
      id: 1,
      name: 'Gate',
      all_products: true,
      limit_products: [],
      subevent: null,
    },
    ...{ include_pending: false, auto_checkin_sales_channels: [], exit_all_at: FOUR },
  };
  const stated: CheckinListCreated = { type: 'CheckinListCreated', data: { ...fields, import: 3, hash: 'h' } };
  const move = moveExitAll(FOUR, { timeZone: 'Europe/Berlin', now: Date.parse('2027-07-17T02:00:10Z') });
  const moved = (origin: object) => ({
    type: 'CheckinListChanged' as const,
    data: {
      ...fields,
      exit_all_at: '2027-07-18T02:00:00Z',
      import: null,
      hash: null,
      ...origin,
      replaced_edits: false,
    },
  });
  test('the list waits for the same time again, and is as it was stated', () => {
    given(stated)
      .when(move)
      .then({ moved: true }, moved({ import: 3, hash: 'h' }));
  });
  test('an edited list stays an edited one', () => {
    const edit = changeList({ name: 'Door' })({
      kind: 'active',
      fields,
      fact: { import: 3, hash: 'h' },
      edited: false,
    });
    const renamed = moved({ name: 'Door' });
    given(stated, ...edit.events)
      .when(move)
      .then({ moved: true }, renamed);
  });
  test('not when it was changed, moved or deleted meanwhile', () => {
    given().when(move).then({ moved: false });
    given(stated, moved({ import: 3, hash: 'h' }))
      .when(move)
      .then({ moved: false });
    given(stated, { type: 'CheckinListDeleted', data: { organizer: 'demo', event: 'openair', id: 1 } })
      .when(move)
      .then({ moved: false });
  });
  test.each([
    ['a day later', '2027-07-17T02:00:00Z', '2027-07-17T02:00:00Z', '2027-07-18T02:00:00Z'],
    ['days that were missed', '2027-07-17T02:00:00Z', '2027-07-20T02:00:00Z', '2027-07-21T02:00:00Z'],
    ['hours that were missed', '2027-07-17T02:00:00Z', '2027-07-18T01:00:00Z', '2027-07-18T02:00:00Z'],
    ['when clocks go back', '2027-10-30T02:00:00Z', '2027-10-30T02:00:01Z', '2027-10-31T03:00:00Z'],
    ['when clocks go forward', '2027-03-27T03:00:00Z', '2027-03-27T03:00:01Z', '2027-03-28T02:00:00Z'],
  ])('%s', (_name, at, now, next) => {
    expect(nextDay(at, 'Europe/Berlin', Date.parse(now))).toBe(next);
  });
});
