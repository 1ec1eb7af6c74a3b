import type { CheckinImported, PositionRedeemed, TicketEvent } from '@gatehouse/events/admission';
import { fold } from './decider';
import { ticket } from './ticket';

const about = { organizer: 'demo', event: 'openair', list: 1, position: 7, item: 3, variation: null, date: null };
const redeemed = (datetime: string, nonce: string | null, first = true): PositionRedeemed => ({
  type: 'PositionRedeemed',
  data: { ...about, first, forced: !first, auto: false, datetime, nonce, nonce_present: nonce !== null },
});
const imported = (row: string, datetime: string, data: Partial<CheckinImported['data']> = {}): CheckinImported => ({
  type: 'CheckinImported',
  data: { ...about, kind: 'entry', auto: false, forced: false, datetime, nonce: null, row, ...data },
});

describe('the one row per list that the APIs show', () => {
  const rows: [string, TicketEvent[], unknown][] = [
    ['nothing happened', [], {}],
    [
      'a scan',
      [redeemed('2027-07-16T12:00:00Z', 'n1')],
      { 1: { datetime: '2027-07-16T12:00:00Z', auto: false, nonces: ['n1'] } },
    ],
    [
      'a forced repeat changes neither time nor nonce, not even with an earlier time',
      [redeemed('2027-07-16T12:00:00Z', 'n1'), redeemed('2027-07-16T11:00:00Z', 'n2', false)],
      { 1: { datetime: '2027-07-16T12:00:00Z', auto: false, nonces: ['n1'] } },
    ],
    [
      'of entry, exit, entry the earliest entry, whatever their order',
      [
        imported('c', '2027-07-15T11:00:00Z', { nonce: 'c' }),
        imported('b', '2027-07-15T08:00:00Z', { kind: 'exit' }),
        imported('a', '2027-07-15T09:00:00Z', { auto: true, nonce: 'a' }),
      ],
      { 1: { datetime: '2027-07-15T09:00:00Z', auto: true, nonces: ['c', 'a'] } },
    ],
    [
      'an entry that another system made before ours',
      [redeemed('2027-07-16T12:00:00Z', 'n1'), imported('a', '2027-07-16T11:59:59.999999Z')],
      { 1: { datetime: '2027-07-16T11:59:59.999999Z', auto: false, nonces: ['n1'] } },
    ],
    ['an exit alone', [imported('b', '2027-07-15T08:00:00Z', { kind: 'exit' })], {}],
    [
      'undone, and the other list stands',
      [
        redeemed('2027-07-16T12:00:00Z', 'n1'),
        imported('a', '2027-07-15T09:00:00Z', { list: 2 }),
        { type: 'RedemptionUndone', data: { ...about, reason: 'wrong gate' } },
      ],
      { 2: { datetime: '2027-07-15T09:00:00Z', auto: false, nonces: [] } },
    ],
  ];
  test.each(rows)('%s', (_name, history, checkins) => {
    expect(fold(ticket, history).checkins).toEqual(checkins);
  });
});

test('answers replace each other question by question', () => {
  const answers = (...given: { question: number; answer: string | null; options: number[] }[]): TicketEvent => ({
    type: 'AnswersGiven',
    data: { ...about, questions: given.map((one) => one.question), answers: given },
  });
  const state = fold(ticket, [
    answers({ question: 1, answer: 'A', options: [11] }, { question: 2, answer: 'x', options: [] }),
    answers({ question: 1, answer: 'B', options: [12] }),
    answers({ question: 2, answer: null, options: [] }),
  ]);
  expect(state.answers).toEqual({ 1: { answer: 'B', options: [12] }, 2: { answer: null, options: [] } });
});

test('a state that was stored as JSON goes on as if it had not been', () => {
  const history = [redeemed('2027-07-16T12:00:00Z', 'n1'), imported('a', '2027-07-15T09:00:00Z', { list: 2 })];
  const stored = JSON.parse(JSON.stringify(fold(ticket, history))) as typeof ticket.initial;
  const tail = [imported('b', '2027-07-14T09:00:00Z')];
  expect(fold(ticket, tail, stored)).toEqual(fold(ticket, [...history, ...tail]));
});
